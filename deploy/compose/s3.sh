# Starts the S3 server on a folder, in which a bucket is a folder.
set -eu
mkdir -p "$S3_DATA/$S3_BUCKET"
ROOT_SECRET_KEY=$(cat "${S3_SECRET_FILE:-/run/secrets/s3_secret_key}")
export ROOT_SECRET_KEY
exec versitygw --port "${S3_ADDR:-}:$S3_PORT" --region us-east-1 --quiet --keep-alive posix "$S3_DATA"
