-- The database of one service and the roles of its processes (see shared/grants.py for what each may do in it).
-- psql -v name=… -v name_owner=… -v name_migrate=… -v name_relay=… -v name_read=… and the passwords -v serve=… -v migrate=… -v relay=…
CREATE ROLE :"name_owner" NOLOGIN;
CREATE ROLE :"name" LOGIN PASSWORD :'serve';
CREATE ROLE :"name_migrate" LOGIN PASSWORD :'migrate' IN ROLE :"name_owner";
CREATE ROLE :"name_relay" LOGIN PASSWORD :'relay';
CREATE ROLE :"name_read" NOLOGIN;
CREATE DATABASE :"name" OWNER :"name_owner";
REVOKE ALL ON DATABASE :"name" FROM PUBLIC;
GRANT CONNECT ON DATABASE :"name" TO :"name", :"name_migrate", :"name_relay", :"name_read";
-- Whatever migrate makes belongs to the owner, whom nobody can sign in as.
ALTER ROLE :"name_migrate" IN DATABASE :"name" SET role = :'name_owner';
