#!/bin/sh
# Every secret that docker-compose.yml names is in deploy/secrets/; what is there already stays as it is.
set -eu
umask 077
cd "$(dirname "$0")"
mkdir -p secrets
word() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }
keep() { [ -s "secrets/$1" ] || printf '%s' "$2" > "secrets/$1"; }
password() { sed 's|^amqp://[^:]*:\([^@]*\)@.*|\1|' "secrets/$1"; }

keep postgres_password "$(word)"
keep grafana_password "$(word)"
keep migrate_broker_url "amqp://migrate:$(word)@rabbitmq:5672/houqin"
definitions=$(cat broker/definitions.json)
definitions=$(printf '%s' "$definitions" | sed "s|@migrate@|$(password migrate_broker_url)|")
for name in requests dispatch billing audit; do
    keep "${name}_broker_url" "amqp://$name:$(word)@rabbitmq:5672/houqin"
    keep "${name}_relay_broker_url" "amqp://$name-relay:$(word)@rabbitmq:5672/houqin"
    keep "${name}_database_password" "$(word)"
    keep "${name}_database_url" "postgresql+psycopg2://houqin_$name:$(cat "secrets/${name}_database_password")@postgres/houqin_$name"
    definitions=$(printf '%s' "$definitions" | sed "s|@$name@|$(password "${name}_broker_url")|; s|@$name-relay@|$(password "${name}_relay_broker_url")|")
done
printf '%s\n' "$definitions" > secrets/broker_definitions
# The containers' users differ from yours; the folder keeps others out, the files must be readable inside.
chmod 700 secrets && chmod 644 secrets/*
