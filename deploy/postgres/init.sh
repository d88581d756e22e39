#!/bin/sh
# At the first start of an empty PostgreSQL: a role and a database for each service, and no way into another's.
set -eu
for name in requests dispatch billing audit; do
    psql -v ON_ERROR_STOP=1 -U postgres -v name="houqin_$name" -v password="$(cat "/run/secrets/${name}_database_password")" <<'SQL'
CREATE ROLE :"name" LOGIN PASSWORD :'password';
CREATE DATABASE :"name" OWNER :"name";
REVOKE ALL ON DATABASE :"name" FROM PUBLIC;
SQL
done
