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
# At the broker of device alarms; write that broker's own word here if it has one.
keep dispatch_mqtt_password "$(word)"
# Requests alone signs passes; everybody checks them.
keep pass_private_key "$(openssl genpkey -algorithm ed25519)"
keep pass_public_key "$(openssl pkey -in secrets/pass_private_key -pubout)"
keep migrate_broker_url "amqp://migrate:$(word)@rabbitmq:5672/houqin"
definitions=$(cat broker/definitions.json)
definitions=$(printf '%s' "$definitions" | sed "s|@migrate@|$(password migrate_broker_url)|")
for name in requests dispatch billing audit; do
    keep "${name}_broker_url" "amqp://$name:$(word)@rabbitmq:5672/houqin"
    keep "${name}_relay_broker_url" "amqp://$name-relay:$(word)@rabbitmq:5672/houqin"
    keep "${name}_cursor_secret" "$(word)"
    for role in "" _migrate _relay; do # what each may do: shared/grants.py
        keep "${name}${role}_database_password" "$(word)"
        keep "${name}${role}_database_url" \
            "postgresql+psycopg2://houqin_$name$role:$(cat "secrets/${name}${role}_database_password")@postgres/houqin_$name"
    done
    definitions=$(printf '%s' "$definitions" | sed "s|@$name@|$(password "${name}_broker_url")|; s|@$name-relay@|$(password "${name}_relay_broker_url")|")
done
printf '%s\n' "$definitions" > secrets/broker_definitions
# The containers' users differ from yours; the folder keeps others out, the files must be readable inside.
chmod 700 secrets && chmod 644 secrets/*
