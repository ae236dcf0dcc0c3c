//! Queries over a few rows.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use super::parse::statement;
use super::query::answer;
use super::scope::Env;
use crate::access::Access;
use crate::ddl::apply_all;
use crate::schema::{Row, Schema};
use crate::status::Halt;
use crate::storage::Data;
use crate::value::Value;

const DDL: &str = "
CREATE TABLE Event (Id INT64 NOT NULL, Name STRING(MAX), Sale TIMESTAMP) PRIMARY KEY (Id);
CREATE TABLE Ticket (Event INT64 NOT NULL, Seat INT64 NOT NULL, Free BOOL, Owner STRING(36), Tags ARRAY<STRING(9)>)
  PRIMARY KEY (Event, Seat DESC);
CREATE INDEX ByOwner ON Ticket (Owner);
CREATE NULL_FILTERED INDEX ByFree ON Ticket (Event, Free)";

fn put(schema: &Schema, data: &mut Data, table: &str, row: Row) {
    let table = schema.table(table).unwrap();
    for index in schema.indexes_of(table) {
        if let Some(entry) = index.key_of(&row) {
            data.indexes.entry(index.id).or_default().put(entry, 1, Some(table.key_of(&row)));
        }
    }
    data.tables.entry(table.id).or_default().put(table.key_of(&row), 1, Some(Arc::new(row)));
}

fn shop() -> (Schema, Data) {
    let schema = apply_all(&Schema::default(), &[DDL.to_owned()], 1).unwrap();
    let mut data = Data::default();
    let day = |day: i128| Value::Timestamp(day * 86_400_000_000_000);
    put(&schema, &mut data, "Event", vec![Value::Int64(1), Value::string("Opera"), day(1)]);
    put(&schema, &mut data, "Event", vec![Value::Int64(2), Value::string("Ballet"), day(2)]);
    put(&schema, &mut data, "Event", vec![Value::Int64(3), Value::Null, Value::Null]);
    let owners = [None, Some("ann"), Some("bob"), Some("ann")];
    for (seat, owner) in (1_i64..).zip(owners) {
        let owner = owner.map_or(Value::Null, Value::string);
        let free = if owner.is_null() { Value::Bool(true) } else { Value::Null };
        let tags = Value::Array(Arc::new(vec![Value::string("x"), Value::string(&seat.to_string())]));
        put(&schema, &mut data, "Ticket", vec![Value::Int64(1), Value::Int64(seat), free, owner, tags]);
    }
    let row = vec![Value::Int64(2), Value::Int64(9), Value::Bool(true), Value::Null, Value::Null];
    put(&schema, &mut data, "Ticket", row);
    (schema, data)
}

fn ask_with(sql: &str, params: &[(&str, Value)]) -> Result<Vec<String>, Halt> {
    let (schema, data) = shop();
    let access = Access::snapshot(&schema, &data, 5);
    let parsed = statement(sql)?;
    let params: HashMap<String, Value> =
        params.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    let types = HashMap::new();
    let env = Env {
        access: &access,
        params: &params,
        param_types: &types,
        names: &parsed.names,
        tables: Rc::default(),
    };
    let relation = answer(&env, &parsed.statement)?;
    let text = |row: &Vec<Value>| row.iter().map(Value::text).collect::<Vec<_>>().join("|");
    Ok(relation.rows.iter().map(text).collect())
}

fn ask(sql: &str) -> String {
    ask_with(sql, &[]).unwrap_or_else(|error| panic!("{sql}: {error:?}")).join(" ")
}

fn fail(sql: &str) -> String {
    match ask_with(sql, &[]) {
        Err(Halt::Status(status)) => format!("{:?}: {}", status.code(), status.message()),
        other => panic!("{sql}: {other:?}"),
    }
}

#[test]
fn selects() {
    let cases = [
        ("SELECT 1, 'a', TRUE, NULL", "1|a|true|NULL"),
        ("SELECT Seat FROM Ticket WHERE Event = 1", "4 3 2 1"),
        ("SELECT Seat FROM Ticket WHERE Event = 1 AND Seat > 1 AND Seat <= 3", "3 2"),
        ("SELECT Seat FROM Ticket WHERE Event = 1 AND Seat BETWEEN 2 AND 3 ORDER BY Seat", "2 3"),
        ("SELECT Seat FROM Ticket WHERE Event IN (1, 2) AND Seat IN (9, 1)", "1 9"),
        ("SELECT Seat FROM Ticket WHERE NOT (Event = 1)", "9"),
        ("SELECT * FROM Event WHERE Id = 3", "3|NULL|NULL"),
        (
            "SELECT e.* FROM Event e WHERE e.Id = 2 AND e.Sale > '1970-01-02T00:00:00Z'",
            "2|Ballet|1970-01-03T00:00:00Z",
        ),
        ("SELECT DISTINCT Owner FROM Ticket ORDER BY Owner", "NULL ann bob"),
        ("SELECT Seat AS s FROM Ticket WHERE Owner = 'ann' ORDER BY s DESC LIMIT 1", "4"),
        ("SELECT Seat FROM Ticket ORDER BY 1 LIMIT 2 OFFSET 1", "2 3"),
        ("SELECT Seat FROM Ticket@{FORCE_INDEX=ByOwner} WHERE Owner = 'ann'", "4 2"),
        ("SELECT Seat FROM Ticket@{FORCE_INDEX=ByFree} WHERE Event = 1 AND Free", "1"),
        ("SELECT Id FROM Event WHERE Name IS NULL OR Name LIKE 'O%'", "1 3"),
        ("SELECT Id FROM Event WHERE Name = NULL", ""),
        ("SELECT Id FROM Event WHERE Name NOT IN ('Opera')", "2"),
    ];
    for (sql, expected) in cases {
        assert_eq!(ask(sql), expected, "{sql}");
    }
}

#[test]
fn joins_and_subqueries() {
    let cases = [
        (
            "SELECT e.Name, t.Seat FROM Event e JOIN Ticket t ON t.Event = e.Id WHERE t.Owner = 'bob'",
            "Opera|3",
        ),
        (
            "SELECT e.Id, t.Seat FROM Event e LEFT JOIN Ticket t ON t.Event = e.Id AND t.Seat > 3 ORDER BY e.Id",
            "1|4 2|9 3|NULL",
        ),
        ("SELECT Id FROM Event e LEFT JOIN Ticket t ON t.Event = e.Id WHERE t.Seat IS NULL", "3"),
        ("SELECT t.Seat FROM Event e, Ticket t WHERE e.Id = t.Event AND e.Name = 'Ballet'", "9"),
        ("SELECT a.Seat FROM Ticket a JOIN Ticket b USING (Event, Seat) WHERE Event = 2", "9"),
        ("SELECT Id FROM Event e WHERE EXISTS (SELECT 1 FROM Ticket t WHERE t.Event = e.Id)", "1 2"),
        ("SELECT Id, (SELECT COUNT(*) FROM Ticket t WHERE t.Event = e.Id) FROM Event e", "1|4 2|1 3|0"),
        ("SELECT Seat FROM Ticket WHERE Event IN (SELECT Id FROM Event WHERE Name = 'Ballet')", "9"),
        ("SELECT s.n FROM (SELECT COUNT(*) AS n FROM Ticket) s", "5"),
        ("WITH w AS (SELECT Seat FROM Ticket WHERE Event = 2) SELECT w.Seat FROM w", "9"),
        (
            "SELECT Id FROM Event UNION ALL SELECT Seat FROM Ticket WHERE Event = 2 ORDER BY Id DESC",
            "9 3 2 1",
        ),
        ("SELECT tag FROM Ticket t, UNNEST(t.Tags) AS tag WHERE t.Event = 1 AND t.Seat = 2", "x 2"),
        ("SELECT x FROM UNNEST([3, 1, 2]) AS x ORDER BY x", "1 2 3"),
        ("SELECT Seat FROM Ticket WHERE '3' IN UNNEST(Tags)", "3"),
    ];
    for (sql, expected) in cases {
        assert_eq!(ask(sql), expected, "{sql}");
    }
}

#[test]
fn aggregates() {
    let cases = [
        ("SELECT COUNT(*), COUNT(Owner), COUNT(DISTINCT Owner), COUNTIF(Free) FROM Ticket", "5|3|2|2"),
        ("SELECT MIN(Seat), MAX(Seat), SUM(Seat) FROM Ticket WHERE Event = 1", "1|4|10"),
        ("SELECT SUM(Seat), COUNT(*) FROM Ticket WHERE Event = 7", "NULL|0"),
        ("SELECT Event, COUNT(*) AS n FROM Ticket GROUP BY Event ORDER BY n", "2|1 1|4"),
        ("SELECT Owner FROM Ticket GROUP BY Owner HAVING COUNT(*) > 1", "ann NULL"),
        ("SELECT IFNULL(Owner, '-') AS o, MAX(Seat) FROM Ticket GROUP BY o ORDER BY 1", "-|9 ann|4 bob|3"),
        ("SELECT Seat + 1 FROM Ticket GROUP BY Seat ORDER BY MAX(Event) DESC, 1 LIMIT 2", "10 2"),
        ("SELECT COUNT(*) FROM Ticket WHERE Event = 7 GROUP BY Event", ""),
    ];
    for (sql, expected) in cases {
        assert_eq!(ask(sql), expected, "{sql}");
    }
}

#[test]
fn expressions() {
    let cases = [
        ("SELECT 1 + 2 * 3, 7 / 2, DIV(7, 2), MOD(7, 2), -3", "7|3.5|3|1|-3"),
        ("SELECT NULL AND FALSE, NULL OR TRUE, NOT NULL, NULL = 1", "false|true|NULL|NULL"),
        (
            "SELECT IF(1 > 2, 'a', 'b'), CASE WHEN FALSE THEN 1 ELSE 2 END, CASE 3 WHEN 3 THEN 'c' END",
            "b|2|c",
        ),
        ("SELECT COALESCE(NULL, 2), CONCAT('a', 'b'), LOWER('AB'), STARTS_WITH('abc', 'ab')", "2|ab|ab|true"),
        ("SELECT CAST(5 AS STRING), CAST('5' AS INT64) + 1, ARRAY_LENGTH([1, 2])", "5|6|2"),
        ("SELECT 3 IN (1, NULL), 1 IN (1, NULL), 1 NOT IN (2, 3)", "NULL|true|true"),
        (
            "SELECT TIMESTAMP '1970-01-02T00:00:00Z', CURRENT_TIMESTAMP()",
            "1970-01-02T00:00:00Z|1970-01-01T00:00:00.000000005Z",
        ),
        (
            "SELECT TIMESTAMP_ADD(TIMESTAMP '1970-01-01T00:00:00Z', INTERVAL 90 SECOND)",
            "1970-01-01T00:01:30Z",
        ),
    ];
    for (sql, expected) in cases {
        assert_eq!(ask(sql), expected, "{sql}");
    }
}

#[test]
fn parameters_without_types_take_the_type_of_the_other_side() {
    let seats = Value::Array(Arc::new(vec![Value::string("2"), Value::string("9")]));
    let params = [("event", Value::string("1")), ("seats", seats), ("n", Value::string("1"))];
    let sql = "SELECT Seat + @n FROM Ticket WHERE Event >= @event AND Seat IN UNNEST(@seats) ORDER BY Seat LIMIT @n";
    assert_eq!(ask_with(sql, &params).unwrap(), ["3"]);
}

#[test]
fn errors() {
    let cases = [
        ("SELECT Nope FROM Event", "InvalidArgument: Unrecognized name: Nope"),
        ("SELECT 1 FROM Nope", "InvalidArgument: Table not found: Nope"),
        ("SELECT Id FROM Event a, Event b", "InvalidArgument: Column name Id is ambiguous"),
        ("SELECT @p", "InvalidArgument: No parameter found for binding: p"),
        ("SELECT DIV(1, 0)", "OutOfRange: division by zero: 1 / 0"),
        (
            "SELECT 1 FROM Event@{FORCE_INDEX=Nope}",
            "InvalidArgument: The table Event does not have a secondary index called Nope",
        ),
        ("SELECT 'a' + 1", "InvalidArgument: No matching signature for + for argument types: STRING, INT64"),
    ];
    for (sql, expected) in cases {
        assert_eq!(fail(sql), expected, "{sql}");
    }
}
