#!/bin/sh
# Run once by the PostgreSQL image, for an empty volume: the role that owns and migrates, the role of the application,
# and the database between them.
set -eu

psql --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres \
  --set owner_password="$WAYLOG_OWNER_PASSWORD" --set app_password="$WAYLOG_APP_PASSWORD" <<'SQL'
CREATE ROLE waylog_owner LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEROLE PASSWORD :'owner_password';
CREATE ROLE waylog_app LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE PASSWORD :'app_password';
CREATE DATABASE waylog OWNER waylog_owner;
REVOKE ALL ON DATABASE waylog FROM PUBLIC;
GRANT CONNECT, TEMPORARY ON DATABASE waylog TO waylog_app;
SQL
