//! Turns Spanner's SQL into what `sqlparser` reads: parameters become quoted identifiers `@p`, and an index
//! hint becomes a part of the table's name, `Table@{Index}`.

use std::collections::BTreeSet;

use sqlparser::ast::{Expr, Statement};
use sqlparser::dialect::BigQueryDialect;
use sqlparser::parser::Parser;
use tonic::Status;

/// A statement and the names that occur in it, in lower case (`*` for all columns).
#[derive(Debug)]
pub(crate) struct Parsed {
    pub(crate) statement: Statement,
    pub(crate) names: BTreeSet<String>,
}

/// Parses one statement.
pub(crate) fn statement(sql: &str) -> Result<Parsed, Status> {
    let mut rewritten = Rewriter::default();
    rewritten.run(sql)?;
    let mut statements =
        Parser::parse_sql(&BigQueryDialect, &rewritten.out).map_err(|error| syntax(&error))?;
    if statements.len() != 1 {
        return Err(Status::invalid_argument("Syntax error: Expected one statement"));
    }
    Ok(Parsed { statement: statements.remove(0), names: rewritten.names })
}

/// Parses an expression, for instance of a check constraint.
pub(crate) fn expression(sql: &str) -> Result<Expr, Status> {
    let mut rewritten = Rewriter::default();
    rewritten.run(sql)?;
    let parser = Parser::new(&BigQueryDialect).try_with_sql(&rewritten.out);
    parser.and_then(|mut parser| parser.parse_expr()).map_err(|error| syntax(&error))
}

fn syntax(error: &sqlparser::parser::ParserError) -> Status {
    let text = error.to_string();
    let text = text.strip_prefix("sql parser error: ").unwrap_or(&text);
    Status::invalid_argument(format!("Syntax error: {}", text.split(" at Line").next().unwrap_or(text)))
}

#[derive(Debug, Default)]
struct Rewriter {
    out: String,
    names: BTreeSet<String>,
    /// Where the last identifier begins in `out`, if it is the last word.
    identifier: Option<usize>,
    /// The last word in lower case.
    last: String,
}

impl Rewriter {
    fn run(&mut self, sql: &str) -> Result<(), Status> {
        let mut rest = sql;
        while let Some(first) = rest.chars().next() {
            let length = self.word(first, rest)?;
            rest = &rest[length..];
        }
        Ok(())
    }

    /// Rewrites the next word and answers its length.
    fn word(&mut self, first: char, rest: &str) -> Result<usize, Status> {
        let run = |text: &str| text.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len());
        if rest.starts_with("--") || first == '#' {
            return Ok(rest.find('\n').unwrap_or(rest.len()));
        }
        if rest.starts_with("/*") {
            return Ok(rest.find("*/").map_or(rest.len(), |end| end + 2));
        }
        if first == '@' {
            let inner = rest[1..].trim_start();
            if inner.starts_with('{') {
                let end =
                    rest.find('}').ok_or_else(|| Status::invalid_argument("Syntax error: unclosed hint"))?;
                self.hint(&rest[..end]);
                return Ok(end + 1);
            }
            let length = 1 + run(&rest[1..]);
            self.out.push_str(&format!("`{}`", rest[..length].to_ascii_lowercase()));
            self.note(&rest[..length], None);
            return Ok(length);
        }
        Ok(self.plain(first, rest, run))
    }

    fn plain(&mut self, first: char, rest: &str, run: impl Fn(&str) -> usize) -> usize {
        let length = match first {
            '\'' | '"' | '`' => quoted(first, rest),
            c if c.is_alphabetic() || c == '_' => run(rest),
            c if c.is_ascii_digit() => run(rest),
            c => c.len_utf8(),
        };
        let text = &rest[..length];
        if first == '*' && ["select", "distinct", ",", ".", "all"].contains(&self.last.as_str()) {
            self.names.insert("*".into());
        }
        let begin = self.out.len();
        self.out.push_str(text);
        if !first.is_whitespace() {
            let named = first.is_alphabetic() || first == '_' || first == '`';
            self.note(text.trim_matches('`'), named.then_some(begin));
        }
        length
    }

    fn note(&mut self, word: &str, identifier: Option<usize>) {
        self.last = word.to_ascii_lowercase();
        if identifier.is_some() {
            self.names.insert(self.last.clone());
        }
        self.identifier = identifier;
    }

    /// Keeps FORCE_INDEX; other hints do not change a result.
    fn hint(&mut self, hint: &str) {
        let Some(begin) = self.identifier else { return };
        let body = hint.trim_start_matches(['@', '{', ' ']);
        for option in body.split(',') {
            let Some((name, value)) = option.split_once('=') else { continue };
            if name.trim().eq_ignore_ascii_case("FORCE_INDEX") {
                let table = self.out[begin..].trim().trim_matches('`').to_owned();
                self.out.truncate(begin);
                self.out.push_str(&format!("`{table}@{{{}}}` ", value.trim().trim_matches('`')));
            }
        }
        self.identifier = None;
    }
}

fn quoted(quote: char, rest: &str) -> usize {
    let triple = quote.to_string().repeat(3);
    if quote != '`' && rest.starts_with(&triple) {
        return rest[3..].find(&triple).map_or(rest.len(), |end| end + 6);
    }
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten(sql: &str) -> String {
        let mut rewriter = Rewriter::default();
        rewriter.run(sql).unwrap();
        rewriter.out
    }

    #[test]
    fn hints_and_parameters_are_rewritten() {
        let out = rewritten("@{OPTIMIZER_VERSION=1} SELECT a FROM T@{FORCE_INDEX=I} WHERE b = @P -- c @x");
        assert_eq!(out.trim(), "SELECT a FROM `T@{I}`  WHERE b = `@p`");
        assert_eq!(rewritten("SELECT '@p' FROM `T`@{force_index=I}"), "SELECT '@p' FROM `T@{I}` ");
        assert_eq!(rewritten("a JOIN@{JOIN_METHOD=HASH_JOIN} b"), "a JOIN b");
    }

    #[test]
    fn errors_have_no_position() {
        let error = statement("SELEC 1").unwrap_err();
        assert!(error.message().starts_with("Syntax error: "), "{error}");
        assert!(!error.message().contains("Line"), "{error}");
    }

    #[test]
    fn a_star_is_noted() {
        assert!(statement("SELECT * FROM t").unwrap().names.contains("*"));
        assert!(!statement("SELECT COUNT(*), a * 2 FROM t").unwrap().names.contains("*"));
    }
}
