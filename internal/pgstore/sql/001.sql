CREATE SCHEMA pathgate;

CREATE TABLE pathgate.entry (
	seq bigint PRIMARY KEY CHECK (seq > 0),
	"offset" bigint NOT NULL UNIQUE CHECK ("offset" >= 0),
	line text COLLATE "C" NOT NULL
);
COMMENT ON TABLE pathgate.entry IS 'the lines of the ledger; never changed';

CREATE TABLE pathgate.head (
	one boolean PRIMARY KEY DEFAULT true CHECK (one),
	seq bigint NOT NULL,
	starts bigint NOT NULL,
	ends bigint NOT NULL,
	hash bytea NOT NULL,
	at bigint NOT NULL,
	ledger text NOT NULL,
	schema bigint NOT NULL,
	layout bigint NOT NULL,
	next_keys bytea[] NOT NULL
) WITH (fillfactor = 10);
COMMENT ON TABLE pathgate.head IS 'where the last line is; at is in microseconds since 1970; locked by who writes';

INSERT INTO pathgate.head VALUES (true, 0, 0, 0, '', 0, '', 0, 1, '{}');

CREATE TABLE pathgate.projection (
	key bytea PRIMARY KEY,
	value bytea NOT NULL,
	records bigint[] NOT NULL,
	next bytea[] NOT NULL
) WITH (fillfactor = 80);
COMMENT ON TABLE pathgate.projection IS 'what the lines amount to; pathgate ledger rebuild makes it anew';

CREATE FUNCTION pathgate.refuse() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
	RAISE EXCEPTION 'pathgate: what is in %.% is never changed or removed', TG_TABLE_SCHEMA, TG_TABLE_NAME
		USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE FUNCTION pathgate.onward() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
	IF NEW.seq < OLD.seq OR NEW.ends < OLD.ends OR OLD.ledger <> '' AND NEW.ledger <> OLD.ledger OR NEW.layout < OLD.layout THEN
		RAISE EXCEPTION 'pathgate: the head of the ledger never goes back'
			USING ERRCODE = 'insufficient_privilege';
	END IF;
	RETURN NEW;
END $$;

CREATE TRIGGER keep BEFORE UPDATE OR DELETE ON pathgate.entry FOR EACH ROW EXECUTE FUNCTION pathgate.refuse();
CREATE TRIGGER keep_all BEFORE TRUNCATE ON pathgate.entry FOR EACH STATEMENT EXECUTE FUNCTION pathgate.refuse();
CREATE TRIGGER keep BEFORE DELETE ON pathgate.head FOR EACH ROW EXECUTE FUNCTION pathgate.refuse();
CREATE TRIGGER keep_all BEFORE TRUNCATE ON pathgate.head FOR EACH STATEMENT EXECUTE FUNCTION pathgate.refuse();
CREATE TRIGGER onward BEFORE UPDATE ON pathgate.head FOR EACH ROW EXECUTE FUNCTION pathgate.onward();

CREATE VIEW pathgate.record AS
SELECT seq, (entry->>'time')::timestamptz AS "time", entry->>'type' AS type, entry->>'host' AS host, entry->>'push' AS push,
	entry->>'service' AS service, entry->>'environment' AS environment, entry->>'repository' AS repository, entry->>'ref' AS ref,
	entry->>'commit' AS "commit", entry->>'kind' AS kind, entry->>'state' AS state, entry->>'principal' AS principal,
	entry->>'reason' AS reason, entry
FROM (SELECT seq, line::jsonb AS entry FROM pathgate.entry) AS lines;
COMMENT ON VIEW pathgate.record IS 'the lines in columns, for auditors';
