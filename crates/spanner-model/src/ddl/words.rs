//! Words of a DDL text: identifiers, numbers, strings and punctuation, without comments.

use tonic::Status;

/// A word and where it begins in the text.
#[derive(Clone, Debug)]
pub(crate) struct Word {
    pub(crate) text: String,
    pub(crate) begin: usize,
}

/// The words of a statement and how many of them are read.
#[derive(Debug)]
pub(crate) struct Words<'a> {
    pub(crate) source: &'a str,
    words: Vec<Word>,
    next: usize,
}

impl<'a> Words<'a> {
    /// Splits a statement.
    pub(crate) fn new(source: &'a str) -> Result<Self, Status> {
        Ok(Self { source, words: split(source)?, next: 0 })
    }

    /// The next word without reading it.
    pub(crate) fn peek(&self) -> Option<&Word> {
        self.words.get(self.next)
    }

    /// Reads a word.
    pub(crate) fn word(&mut self) -> Result<Word, Status> {
        let word = self.peek().cloned().ok_or_else(|| self.error("unexpected end of the statement"))?;
        self.next += 1;
        Ok(word)
    }

    /// Reads an identifier.
    pub(crate) fn name(&mut self) -> Result<String, Status> {
        let word = self.word()?;
        let name = word.text.trim_matches('`').to_owned();
        if name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_') {
            return Ok(name);
        }
        Err(self.error(&format!("'{}' is not a name", word.text)))
    }

    /// Reads the words if they come next.
    pub(crate) fn accept(&mut self, words: &str) -> bool {
        let found = words.split(' ').enumerate().all(|(offset, wanted)| {
            self.words.get(self.next + offset).is_some_and(|word| word.text.eq_ignore_ascii_case(wanted))
        });
        if found {
            self.next += words.split(' ').count();
        }
        found
    }

    /// Reads the words, which must come next.
    pub(crate) fn expect(&mut self, words: &str) -> Result<(), Status> {
        if self.accept(words) {
            return Ok(());
        }
        let found = self.peek().map_or("the end", |word| &word.text);
        Err(self.error(&format!("expected '{words}' but found '{found}'")))
    }

    /// Reads a parenthesis that was opened already up to its end and answers its source text.
    pub(crate) fn parenthesis(&mut self) -> Result<&'a str, Status> {
        let begin = self.peek().map_or(0, |word| word.begin);
        let mut depth = 1;
        loop {
            let word = self.word()?;
            match word.text.as_str() {
                "(" => depth += 1,
                ")" => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return Ok(&self.source[begin..word.begin]);
            }
        }
    }

    /// Whether all words are read.
    pub(crate) fn finish(&mut self) -> Result<(), Status> {
        self.accept(";");
        match self.peek() {
            None => Ok(()),
            Some(word) => Err(self.error(&format!("unexpected '{}'", word.text))),
        }
    }

    /// The error of a statement that cannot be read.
    pub(crate) fn error(&self, what: &str) -> Status {
        let begin: String = self.source.trim().chars().take(60).collect();
        Status::invalid_argument(format!(
            "Error parsing Spanner DDL statement: {begin} : Syntax error: {what}"
        ))
    }
}

fn split(source: &str) -> Result<Vec<Word>, Status> {
    let bytes = source.as_bytes();
    let mut words = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let length = word_length(&source[at..])?;
        let text = &source[at..at + length];
        if !text.trim().is_empty() && !text.starts_with("--") {
            words.push(Word { text: text.to_owned(), begin: at });
        }
        at += length;
    }
    Ok(words)
}

fn word_length(rest: &str) -> Result<usize, Status> {
    let first = rest.chars().next().unwrap_or(' ');
    let run = |of: fn(char) -> bool| rest.find(|c| !of(c)).unwrap_or(rest.len());
    Ok(match first {
        _ if rest.starts_with("--") => rest.find('\n').unwrap_or(rest.len()),
        '\'' | '"' | '`' => {
            let end = rest[1..].find(first);
            end.ok_or_else(|| Status::invalid_argument("Syntax error: unclosed quote"))? + 2
        }
        c if c.is_whitespace() => run(char::is_whitespace),
        c if c.is_alphanumeric() || c == '_' => run(|c| c.is_alphanumeric() || c == '_'),
        c => c.len_utf8(),
    })
}

/// Splits a text of several statements at its semicolons.
pub(crate) fn statements(source: &str) -> Vec<String> {
    let Ok(words) = split(source) else { return vec![source.to_owned()] };
    let mut found = Vec::new();
    let mut begin: Option<usize> = None;
    for word in words.iter().map(Some).chain([None]) {
        match word {
            Some(word) if word.text != ";" => {
                begin.get_or_insert(word.begin);
            }
            end => {
                let end = end.map_or(source.len(), |word| word.begin);
                if let Some(begin) = begin.take() {
                    found.push(source[begin..end].trim().to_owned());
                }
            }
        }
    }
    found
}
