//! The parser of DDL statements (cloud.google.com/spanner/docs/reference/standard-sql/data-definition-language):
//! tables with their keys, checks and interleaving, indexes, and a few ALTER statements.

mod apply;
mod tables;
mod words;

pub(crate) use apply::{apply_all, statements};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Schema;
    use crate::value::Type;

    fn apply(ddl: &str) -> Result<Schema, tonic::Status> {
        apply_all(&Schema::default(), &[ddl.to_owned()], 1)
    }

    #[test]
    fn tables_and_indexes_are_read() {
        let schema = apply(
            "-- a comment; with a semicolon
             CREATE TABLE A (K STRING(36) NOT NULL, N INT64 NOT NULL DEFAULT (7),
               At TIMESTAMP OPTIONS (allow_commit_timestamp = true), L ARRAY<STRING(9)>,
               CONSTRAINT Positive CHECK (N > 0)) PRIMARY KEY (K, N DESC);
             CREATE TABLE B (K STRING(36) NOT NULL, N INT64 NOT NULL, M INT64) PRIMARY KEY (K, N DESC, M),
               INTERLEAVE IN PARENT A ON DELETE CASCADE;
             CREATE TABLE C (K STRING(36) NOT NULL) PRIMARY KEY (K), INTERLEAVE IN A2;",
        );
        assert!(schema.unwrap_err().message().contains("A2"));
        let schema = apply(
            "CREATE TABLE A (K STRING(36) NOT NULL, N INT64 NOT NULL DEFAULT (7),
               At TIMESTAMP OPTIONS (allow_commit_timestamp = true), L ARRAY<STRING(9)>,
               CONSTRAINT Positive CHECK (N > 0)) PRIMARY KEY (K, N DESC);
             CREATE UNIQUE NULL_FILTERED INDEX I ON A (At DESC) STORING (L);
             ALTER TABLE A ADD COLUMN X BOOL",
        )
        .unwrap();
        let table = schema.table("a").unwrap();
        assert_eq!(table.columns[3].of, Type::Array(Box::new(Type::String)));
        assert_eq!(table.columns[0].length, Some(36));
        assert!(table.columns[2].commit_timestamp && table.key[1].descending);
        assert_eq!((table.checks.len(), table.columns.len()), (1, 5));
        let index = schema.index("I").unwrap();
        assert!(index.unique && index.null_filtered && index.key[0].descending);
        assert_eq!((index.declared, index.key.len(), &index.storing), (1, 3, &vec![3]));
        assert_eq!(schema.statements.len(), 3);
    }

    #[test]
    fn a_dropped_table_leaves_the_list() {
        let schema = apply("CREATE TABLE A (K INT64) PRIMARY KEY (K); CREATE INDEX I ON A (K)").unwrap();
        let refused = apply_all(&schema, &["DROP TABLE A".into()], 2).unwrap_err();
        assert_eq!(refused.code(), tonic::Code::FailedPrecondition);
        let schema = apply_all(&schema, &["DROP INDEX I".into(), "DROP TABLE A".into()], 2).unwrap();
        assert!(schema.statements.is_empty() && schema.tables.is_empty());
    }

    #[test]
    fn wrong_statements_are_refused() {
        for (ddl, part) in [
            ("CREATE TABLE A (K INT64)", "PRIMARY KEY"),
            ("CREATE TABLE A (K TEXT) PRIMARY KEY (K)", "unknown type TEXT"),
            ("CREATE TABLE A (K INT64, K INT64) PRIMARY KEY (K)", "Duplicate column name A.K"),
            ("CREATE INDEX I ON A (K)", "Table not found: A"),
            ("CREATE TABLE A (K INT64) PRIMARY KEY (Z)", "Column not found in table A: Z"),
            ("CREATE TABLE A (K INT64) PRIMARY KEY (K) nonsense", "unexpected 'nonsense'"),
        ] {
            let error = apply(ddl).unwrap_err();
            assert!(error.message().contains(part), "{ddl}: {error}");
        }
    }
}
