# Starts a Sentinel on a copy of its configuration, with the password of the Redis
# that it watches.
set -eu
own=${SENTINEL_DIR:-/run/sentinel}/sentinel.conf
if [ ! -s "$own" ]; then
	cp "${SENTINEL_CONF:-/etc/redis/sentinel.conf}" "$own"
	echo "sentinel auth-pass rawlink $(cat "${REDIS_PASSWORD_FILE:-/run/secrets/redis_password}")" >>"$own"
fi
exec redis-server "$own" --sentinel
