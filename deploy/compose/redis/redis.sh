# Starts Redis with its password, which a configuration file can't take from another.
# Arguments go to redis-server.
set -eu
password=$(cat "${REDIS_PASSWORD_FILE:-/run/secrets/redis_password}")
exec redis-server "${REDIS_CONF:-/etc/redis/redis.conf}" --requirepass "$password" --masterauth "$password" "$@"
