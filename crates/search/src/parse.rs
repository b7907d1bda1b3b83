//! Text to [`Query`].
//!
//! ```text
//! or     = and { "or" and }
//! and    = unary { [ "and" ] unary }
//! unary  = ( "-" | "not" ) unary | "(" or ")" | term
//! term   = name operator value | text
//! text   = word | "quoted" | /regular expression/
//! value  = bare | "quoted" | /regular expression/ | "(" value { "or" value } ")"
//! ```
//!
//! The parser walks the characters itself: what a character means depends on what was
//! expected, and errors point at it.

mod characters;
mod pattern;
mod value;

use characters::Characters;

use crate::expression::{Comparison, Condition, Expression, Text};
use crate::fields::Form;
use crate::{Query, SearchError};

/// Longer texts are refused, and so are deeper ones: a search comes from outside.
const BYTES_MAX: usize = 16 * 1024;
const DEPTH_MAX: usize = 64;
const TERMS_MAX: usize = 512;

pub fn parse(text: &str) -> Result<Query, SearchError> {
    let mut parser = Parser { at: Characters::new(text), terms: 0 };
    if text.len() > BYTES_MAX {
        return Err(parser.at.error(format!("the search is longer than {BYTES_MAX} bytes")));
    }
    let root = parser.any_of(0)?;
    if parser.at.peek().is_some() {
        return Err(parser.at.error("there is no `(` for this `)`"));
    }
    Ok(Query { root })
}

struct Parser<'a> {
    at: Characters<'a>,
    terms: usize,
}

/// Longest first.
const OPERATORS: [(&str, Operator); 10] = [
    (">=", Operator::Compare(Comparison::GreaterOrEqual)),
    ("<=", Operator::Compare(Comparison::LessOrEqual)),
    ("!=", Operator::IsNot),
    ("=~", Operator::Matches),
    ("!~", Operator::MatchesNot),
    (":", Operator::Is),
    ("=", Operator::Is),
    (">", Operator::Compare(Comparison::Greater)),
    ("<", Operator::Compare(Comparison::Less)),
    ("!", Operator::Unfinished),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Operator {
    Is,
    IsNot,
    Matches,
    MatchesNot,
    Compare(Comparison),
    Unfinished,
}

impl Parser<'_> {
    fn any_of(&mut self, depth: usize) -> Result<Expression, SearchError> {
        if depth > DEPTH_MAX {
            return Err(self.at.error(format!("parentheses are nested more than {DEPTH_MAX} deep")));
        }
        let mut parts = vec![self.all_of(depth)?];
        while self.at.take_keyword("or") {
            parts.push(self.all_of(depth)?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Expression::Or(parts) })
    }

    fn all_of(&mut self, depth: usize) -> Result<Expression, SearchError> {
        let mut parts = vec![];
        let mut needs_more = false;
        loop {
            self.at.skip_spaces();
            match self.at.peek() {
                None | Some(')') => break,
                Some(_) if self.at.sees_keyword("or") => break,
                Some(_) if !parts.is_empty() && self.at.take_keyword("and") => needs_more = true,
                Some(_) => {
                    parts.push(self.unary(depth)?);
                    needs_more = false;
                }
            }
        }
        // All of nothing is everything, but only where nothing else is said.
        let is_whole_text = self.at.is_all_blank();
        if needs_more || (parts.is_empty() && !is_whole_text) {
            return Err(self.at.error("something to search for is expected here"));
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Expression::And(parts) })
    }

    fn unary(&mut self, depth: usize) -> Result<Expression, SearchError> {
        let mut is_negated = false;
        loop {
            self.at.skip_spaces();
            if self.at.take_keyword("not") || self.at.take_minus() {
                is_negated = !is_negated;
            } else {
                break;
            }
        }
        let inner = if self.at.take("(") {
            let inner = self.any_of(depth + 1)?;
            if !self.at.take(")") {
                return Err(self.at.error("a `)` is expected here"));
            }
            inner
        } else {
            self.term()?
        };
        Ok(if is_negated { Expression::Not(Box::new(inner)) } else { inner })
    }

    fn term(&mut self) -> Result<Expression, SearchError> {
        self.terms += 1;
        if self.terms > TERMS_MAX {
            return Err(self.at.error(format!("the search has more than {TERMS_MAX} terms")));
        }
        let begun = self.at.place();
        if self.at.peek() == Some('/') {
            return Ok(Expression::Text(Text::Pattern(self.at.regular_expression()?)));
        }
        if self.at.peek() == Some('"') {
            let quoted = self.at.quoted()?;
            return match self.operator() {
                Some(operator) => self.field(&quoted, operator, begun),
                None if quoted.is_empty() => Err(self.at.error_at(begun, "there is nothing in the quotes")),
                None => Ok(Expression::Text(Text::Part(quoted))),
            };
        }
        let name = self.at.name();
        if !name.is_empty()
            && let Some(operator) = self.operator()
        {
            let name = name.to_owned();
            return self.field(&name, operator, begun);
        }
        if name.is_empty() && self.operator().is_some() {
            return Err(self.at.error_at(begun, "a name is expected before this; quote it to search for it"));
        }
        self.at.go_to(begun);
        let bare = self.at.bare();
        if bare.is_empty() {
            return Err(self.at.error("something to search for is expected here"));
        }
        pattern::text(bare).map(Expression::Text).map_err(|message| self.at.error_at(begun, message))
    }

    fn operator(&mut self) -> Option<Operator> {
        OPERATORS.iter().find(|(text, _)| self.at.take(text)).map(|(_, operator)| *operator)
    }

    fn field(&mut self, name: &str, operator: Operator, begun: usize) -> Result<Expression, SearchError> {
        if name.is_empty() {
            return Err(self.at.error_at(begun, "a field needs a name"));
        }
        let form = Form::of(name);
        let field = |condition| Expression::Field { name: name.to_owned(), condition };
        let not = |expression| Expression::Not(Box::new(expression));
        Ok(match operator {
            Operator::Is => self.values(&field, form, name)?,
            Operator::IsNot => not(self.values(&field, form, name)?),
            Operator::Matches => field(Condition::Matches(self.expression()?)),
            Operator::MatchesNot => not(field(Condition::Matches(self.expression()?))),
            Operator::Compare(comparison) => {
                let place = self.at.place();
                let text = self.at.value()?;
                let operand =
                    value::operand(form, &text.text).map_err(|message| self.at.error_at(place, message))?;
                value::check_order(&operand, form).map_err(|message| self.at.error_at(place, message))?;
                field(Condition::Compares(comparison, operand))
            }
            Operator::Unfinished => return Err(self.at.error("`!=` or `!~` is expected here")),
        })
    }

    /// One value, or several in parentheses of which one must fit.
    fn values(
        &mut self,
        field: &impl Fn(Condition) -> Expression,
        form: Form,
        name: &str,
    ) -> Result<Expression, SearchError> {
        if !self.at.take("(") {
            return self.value(form, name).map(field);
        }
        let mut alternatives = vec![];
        loop {
            self.at.skip_spaces();
            alternatives.push(field(self.value(form, name)?));
            self.at.skip_spaces();
            if self.at.take(")") {
                return Ok(Expression::Or(alternatives));
            }
            if !self.at.take_keyword("or") && !self.at.take(",") {
                return Err(self.at.error("`or` or `)` is expected here"));
            }
            self.terms += 1;
            if self.terms > TERMS_MAX {
                return Err(self.at.error(format!("the search has more than {TERMS_MAX} terms")));
            }
        }
    }

    fn value(&mut self, form: Form, name: &str) -> Result<Condition, SearchError> {
        if self.at.peek() == Some('/') {
            return Ok(Condition::Matches(self.at.regular_expression()?));
        }
        let place = self.at.place();
        let value = self.at.value()?;
        value::condition(form, name, &value).map_err(|message| self.at.error_at(place, message))
    }

    /// Of `=~` and `!~`: in slashes or quotes, and then it means the whole value, as in PromQL.
    fn expression(&mut self) -> Result<regex::Regex, SearchError> {
        if self.at.peek() == Some('/') {
            return self.at.regular_expression();
        }
        let place = self.at.place();
        let value = self.at.value()?;
        pattern::whole(&value.text).map_err(|message| self.at.error_at(place, message))
    }
}
