#!/usr/bin/env bash
# Prints the path of versitygw, the S3 server of the tests and of the checks of
# deploy/, building its pinned version if need be; see tool.sh.
exec "$(dirname "$0")/tool.sh" versitygw github.com/versity/versitygw/cmd/versitygw v1.8.0
