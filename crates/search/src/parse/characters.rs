//! The characters of a search, and where the reading has come to.

use regex::Regex;

use super::pattern;
use crate::SearchError;

#[derive(Debug)]
pub struct Characters<'a> {
    text: &'a str,
    at: usize,
}

/// A value as it was written.
#[derive(Debug)]
pub struct Written {
    pub text: String,
    /// What is quoted is taken as it is: a `*` in it is a star.
    pub is_quoted: bool,
}

impl<'a> Characters<'a> {
    pub fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    pub fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub fn place(&self) -> usize {
        self.at
    }

    pub fn go_to(&mut self, place: usize) {
        self.at = place;
    }

    pub fn is_all_blank(&self) -> bool {
        self.text.trim().is_empty()
    }

    pub fn error(&self, message: impl Into<String>) -> SearchError {
        self.error_at(self.at, message)
    }

    pub fn error_at(&self, place: usize, message: impl Into<String>) -> SearchError {
        SearchError { message: message.into(), column: self.text[..place].chars().count() + 1 }
    }

    pub fn skip_spaces(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    pub fn take(&mut self, token: &str) -> bool {
        let is_there = self.rest().starts_with(token);
        self.at += if is_there { token.len() } else { 0 };
        is_there
    }

    /// A minus that stands directly before what it negates.
    pub fn take_minus(&mut self) -> bool {
        let is_minus =
            self.rest().starts_with('-') && self.rest()[1..].starts_with(|c: char| !c.is_whitespace());
        self.at += usize::from(is_minus);
        is_minus
    }

    pub fn sees_keyword(&self, keyword: &str) -> bool {
        let rest = self.rest();
        let Some(word) = rest.get(..keyword.len()) else { return false };
        let after = rest[keyword.len()..].chars().next();
        word.eq_ignore_ascii_case(keyword) && after.is_none_or(|c| c.is_whitespace() || c == '(' || c == ')')
    }

    pub fn take_keyword(&mut self, keyword: &str) -> bool {
        self.skip_spaces();
        let is_there = self.sees_keyword(keyword);
        self.at += if is_there { keyword.len() } else { 0 };
        is_there
    }

    fn take_while(&mut self, belongs: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let length = rest.find(|c| !belongs(c)).unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }

    /// Of a field: letters, digits and what attributes' names have between them.
    pub fn name(&mut self) -> &'a str {
        self.take_while(|c| c.is_alphanumeric() || "_.-/@".contains(c))
    }

    /// Up to a blank, a parenthesis or a quote.
    pub fn bare(&mut self) -> &'a str {
        self.take_while(|c| !c.is_whitespace() && !"()\"".contains(c))
    }

    /// What follows an operator. Blanks before it would be a slip.
    pub fn value(&mut self) -> Result<Written, SearchError> {
        if self.peek() == Some('"') {
            return Ok(Written { text: self.quoted()?, is_quoted: true });
        }
        let text = self.take_while(|c| !c.is_whitespace() && !"()\",".contains(c));
        if text.is_empty() {
            return Err(
                self.error("a value is expected here; quote it if it is empty or begins with a blank")
            );
        }
        Ok(Written { text: text.to_owned(), is_quoted: false })
    }

    /// With `\"` and `\\` for a quote and a backslash.
    pub fn quoted(&mut self) -> Result<String, SearchError> {
        self.enclosed('"', &['"', '\\'])
    }

    /// Between slashes, with `\/` for a slash; it may fit anywhere.
    pub fn regular_expression(&mut self) -> Result<Regex, SearchError> {
        let begun = self.at;
        let source = self.enclosed('/', &['/'])?;
        pattern::anywhere(&source).map_err(|message| self.error_at(begun, message))
    }

    fn enclosed(&mut self, mark: char, escaped: &[char]) -> Result<String, SearchError> {
        let begun = self.at;
        let mut text = String::new();
        let mut characters = self.rest().char_indices().skip(1).peekable();
        while let Some((place, c)) = characters.next() {
            match c {
                '\\' if characters.peek().is_some_and(|(_, next)| escaped.contains(next)) => {
                    text.extend(characters.next().map(|(_, next)| next));
                }
                c if c == mark => {
                    self.at += place + mark.len_utf8();
                    return Ok(text);
                }
                c => text.push(c),
            }
        }
        Err(self.error_at(begun, format!("there is no second `{mark}` for this one")))
    }
}
