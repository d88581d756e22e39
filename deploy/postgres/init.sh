#!/bin/sh
# At the first start of an empty PostgreSQL: for each service a database, and a role for each of its processes.
set -eu
secret() { cat "/run/secrets/$1"; }
for each in requests dispatch billing audit; do
    name="houqin_$each"
    psql -v ON_ERROR_STOP=1 -U postgres -v name="$name" -v name_owner="${name}_owner" -v name_migrate="${name}_migrate" \
        -v name_relay="${name}_relay" -v name_read="${name}_read" -v serve="$(secret "${each}_database_password")" \
        -v migrate="$(secret "${each}_migrate_database_password")" -v relay="$(secret "${each}_relay_database_password")" \
        -f /houqin/roles.sql
done
# Databases that belong to nobody here are nobody's way in.
psql -v ON_ERROR_STOP=1 -U postgres -c 'REVOKE ALL ON DATABASE postgres, template1 FROM PUBLIC'
