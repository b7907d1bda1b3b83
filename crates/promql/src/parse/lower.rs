//! From the grammar's tree to our expression.

use std::time::{Duration, SystemTime};

use model::{METRIC_NAME, MatchOp, Matcher};
use promql_parser::label::{MatchOp as TreeMatchOp, Matchers};
use promql_parser::parser as tree;
use promql_parser::parser::token as t;

use super::expression::*;
use super::strings;
use super::tokens::{Token, TokenKind, is_trim};
use crate::ParseError;
use crate::functions;

pub struct Lowered {
    pub root: Expression,
    pub selectors: Vec<Selector>,
    /// The first thing that Prometheus calls experimental.
    pub experimental: Option<String>,
}

pub fn lower(expr: &tree::Expr, tokens: Vec<Token<'_>>) -> Result<Lowered, ParseError> {
    let mut lowering =
        Lowering { tokens, next: 0, selectors: Vec::new(), only_stats: false, experimental: None };
    let root = lowering.expression(expr)?;
    Ok(Lowered { root, selectors: lowering.selectors, experimental: lowering.experimental })
}

/// Walks the tree in the order of the text, and the tokens along with it.
struct Lowering<'a> {
    tokens: Vec<Token<'a>>,
    next: usize,
    selectors: Vec<Selector>,
    /// Whether the innermost call that decides about it only looks at sums and counts.
    only_stats: bool,
    experimental: Option<String>,
}

type Result1<T> = Result<T, ParseError>;

impl Lowering<'_> {
    fn expression(&mut self, expr: &tree::Expr) -> Result1<Expression> {
        match expr {
            tree::Expr::NumberLiteral(number) => self.number(number.val),
            tree::Expr::StringLiteral(text) => {
                let at = self.find(|token| token.kind == TokenKind::Text);
                let literal = at.and_then(|_| self.tokens.get(self.next - 1)).map(|token| token.text);
                let value = strings::restored(&text.val, literal);
                let literal = literal.map_or_else(|| format!("{:?}", text.val), str::to_owned);
                let text = Text { value, literal };
                Ok(Expression { kind: Kind::Text(text), at })
            }
            tree::Expr::VectorSelector(selector) => {
                let at = self.find_selector(selector);
                let index = self.selector(selector, false)?;
                let shift = shift(selector.at.as_ref(), selector.offset.as_ref())?;
                Ok(Expression { kind: Kind::Instant { selector: index, shift }, at })
            }
            tree::Expr::MatrixSelector(matrix) => self.matrix(matrix),
            tree::Expr::Subquery(subquery) => self.subquery(subquery),
            tree::Expr::Paren(paren) => {
                let at = self.find(|token| token.kind == TokenKind::Open);
                let inner = self.expression(&paren.expr)?;
                Ok(Expression { at: at.or(inner.at), ..inner })
            }
            tree::Expr::Unary(unary) => {
                let at = self.find(|token| token.text == "-");
                let inner = self.expression(&unary.expr)?;
                Ok(Expression { kind: Kind::Negate(Box::new(inner)), at })
            }
            tree::Expr::Binary(binary) => self.binary(binary),
            tree::Expr::Aggregate(aggregate) => self.aggregate(aggregate),
            tree::Expr::Call(call) => self.call(call),
            tree::Expr::Extension(_) => Err(ParseError::new("extensions of the grammar are not supported")),
        }
    }

    fn note_experimental(&mut self, what: &str) {
        self.experimental.get_or_insert_with(|| what.to_owned());
    }

    /// The place of the next token that fits; stays where it is when there is none.
    fn find(&mut self, fits: impl Fn(&Token<'_>) -> bool) -> Option<usize> {
        let found = self.next + self.tokens[self.next..].iter().position(fits)?;
        self.next = found + 1;
        Some(self.tokens[found].at)
    }

    /// A sign before a number was folded into it by the grammar and is part of it.
    fn number(&mut self, value: f64) -> Result1<Expression> {
        let at = self.find(|token| token.kind == TokenKind::Number);
        let sign = self.next.checked_sub(2).and_then(|index| self.tokens.get(index));
        let before = self.next.checked_sub(3).and_then(|index| self.tokens.get(index));
        let is_sign = sign.is_some_and(|token| matches!(token.text, "-" | "+"))
            && before.is_none_or(|token| matches!(token.kind, TokenKind::Open | TokenKind::Other));
        let at = if at.is_some() && is_sign { sign.map(|token| token.at) } else { at };
        Ok(Expression { kind: Kind::Number(value), at })
    }

    fn find_selector(&mut self, selector: &tree::VectorSelector) -> Option<usize> {
        match &selector.name {
            Some(name) => self.find(|token| token.kind == TokenKind::Word && token.text == name),
            None => self.find(|token| token.kind == TokenKind::Brace),
        }
    }

    fn selector(&mut self, selector: &tree::VectorSelector, is_range: bool) -> Result1<usize> {
        let mut matchers = matchers(&selector.matchers)?;
        if let Some(name) = &selector.name {
            matchers.push(Matcher::equal(METRIC_NAME, name));
        }
        self.selectors.push(Selector { matchers, is_range, tells_resets: self.only_stats });
        Ok(self.selectors.len() - 1)
    }

    fn matrix(&mut self, matrix: &tree::MatrixSelector) -> Result1<Expression> {
        let at = self.find_selector(&matrix.vs);
        let source = RangeSource::Selector(self.selector(&matrix.vs, true)?);
        let shift = shift(matrix.vs.at.as_ref(), matrix.vs.offset.as_ref())?;
        Ok(Expression {
            kind: Kind::Range(RangeExpression { source, range_ms: millis(matrix.range)?, shift }),
            at,
        })
    }

    fn subquery(&mut self, subquery: &tree::SubqueryExpr) -> Result1<Expression> {
        let outer = std::mem::take(&mut self.only_stats);
        let inner = self.expression(&subquery.expr);
        self.only_stats = outer;
        let inner = inner?;
        let at = inner.at;
        let step_ms = subquery.step.map(millis).transpose()?;
        let source = RangeSource::Subquery { inner: Box::new(inner), step_ms };
        let shift = shift(subquery.at.as_ref(), subquery.offset.as_ref())?;
        Ok(Expression {
            kind: Kind::Range(RangeExpression { source, range_ms: millis(subquery.range)?, shift }),
            at,
        })
    }

    fn binary(&mut self, binary: &tree::BinaryExpr) -> Result1<Expression> {
        let mut operator = operator(binary.op.id())?;
        let left = self.expression(&binary.lhs)?;
        if matches!(operator, Operator::LessOrEqual | Operator::GreaterOrEqual) {
            self.find(|token| matches!(token.text, "<=" | ">=") || is_trim(token.text));
            let written = self.next.checked_sub(1).and_then(|index| self.tokens.get(index));
            operator = match written.map(|token| token.text) {
                Some("</") => Operator::KeepBelow,
                Some(">/") => Operator::KeepAbove,
                _ => operator,
            };
        }
        let right = self.expression(&binary.rhs)?;
        let modifier = binary.modifier.clone().unwrap_or_default();
        let at = left.at;
        let matching = matching(&modifier);
        if matching.fill_left.is_some() || matching.fill_right.is_some() {
            self.note_experimental("fill");
        }
        let returns_bool = modifier.return_bool;
        Ok(Expression {
            kind: Kind::Binary(Box::new(Binary { operator, left, right, returns_bool, matching })),
            at,
        })
    }

    fn aggregate(&mut self, aggregate: &tree::AggregateExpr) -> Result1<Expression> {
        let operator = aggregate_operator(aggregate.op.id())?;
        let word = aggregate.op.to_string();
        if matches!(operator, AggregateOperator::LimitCount | AggregateOperator::LimitRatio) {
            self.note_experimental(&format!("{word}()"));
        }
        let at = self.find(|token| token.kind == TokenKind::Word && token.text.eq_ignore_ascii_case(&word));
        self.find(|token| token.kind == TokenKind::Open);
        let parameter = aggregate.param.as_ref().map(|parameter| self.expression(parameter)).transpose()?;
        let expected = match operator {
            AggregateOperator::CountValues => ValueType::String,
            _ => ValueType::Scalar,
        };
        if parameter.as_ref().is_some_and(|parameter| parameter.value_type() != expected) {
            return Err(ParseError::new(format!("expected type {expected} as parameter of {word}")));
        }
        let inner = self.expression(&aggregate.expr)?;
        let (is_without, labels) = match &aggregate.modifier {
            None => (false, Vec::new()),
            Some(tree::LabelModifier::Include(labels)) => (false, labels.labels.clone()),
            Some(tree::LabelModifier::Exclude(labels)) => (true, labels.labels.clone()),
        };
        let aggregate = Aggregate { operator, parameter, inner, is_without, labels };
        Ok(Expression { kind: Kind::Aggregate(Box::new(aggregate)), at })
    }

    fn call(&mut self, call: &tree::Call) -> Result1<Expression> {
        let name = call.func.name;
        let function = functions::find(name).ok_or_else(|| unsupported(name))?;
        if call.func.experimental {
            self.note_experimental(&format!("{name}()"));
        }
        let at = self.find(|token| token.kind == TokenKind::Word && token.text == name);
        self.find(|token| token.kind == TokenKind::Open);
        let outer = self.only_stats;
        self.only_stats = match name {
            "histogram_count" | "histogram_sum" | "histogram_avg" => true,
            _ => outer && !name.starts_with("histogram_"),
        };
        let arguments: Result1<Vec<_>> =
            call.args.args.iter().map(|argument| self.expression(argument)).collect();
        self.only_stats = outer;
        let arguments = arguments?;
        Ok(Expression { kind: Kind::Call { function, arguments }, at })
    }
}

/// The grammar knows a few functions that the table does not.
fn unsupported(name: &str) -> ParseError {
    ParseError::new(format!("function \"{name}\" is not supported"))
}

fn matchers(from: &Matchers) -> Result1<Vec<Matcher>> {
    if !from.or_matchers.is_empty() {
        return Err(ParseError::new("`or` between label matchers is not PromQL"));
    }
    from.matchers
        .iter()
        .map(|matcher| {
            let op = match matcher.op {
                TreeMatchOp::Equal => MatchOp::Equal,
                TreeMatchOp::NotEqual => MatchOp::NotEqual,
                TreeMatchOp::Re(_) => MatchOp::Matches,
                TreeMatchOp::NotRe(_) => MatchOp::NotMatches,
            };
            Matcher::new(&matcher.name, op, &matcher.value)
                .map_err(|error| ParseError::new(error.to_string()))
        })
        .collect()
}

fn shift(at: Option<&tree::AtModifier>, offset: Option<&tree::Offset>) -> Result1<Shift> {
    let anchor = match at {
        None => None,
        Some(tree::AtModifier::Start) => Some(Anchor::Start),
        Some(tree::AtModifier::End) => Some(Anchor::End),
        Some(tree::AtModifier::At(time)) => Some(Anchor::Fixed(epoch_millis(*time)?)),
    };
    let offset_ms = match offset {
        None => 0,
        Some(tree::Offset::Pos(duration)) => millis(*duration)?,
        Some(tree::Offset::Neg(duration)) => -millis(*duration)?,
    };
    Ok(Shift { anchor, offset_ms })
}

pub fn epoch_millis(time: SystemTime) -> Result1<i64> {
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => millis(after),
        Err(before) => millis(before.duration()).map(|before| -before),
    }
}

/// Times of a query stay within this distance, so that adding a few of them never wraps.
/// 290 years, the same as the range of stored timestamps.
const SPAN_MS_MAX: i64 = i64::MAX / 1_000_000;

fn millis(duration: Duration) -> Result1<i64> {
    let millis = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
    if millis > SPAN_MS_MAX {
        return Err(ParseError::new("duration out of range"));
    }
    Ok(millis)
}

fn matching(modifier: &tree::BinModifier) -> Matching {
    use tree::VectorMatchCardinality as C;
    let (cardinality, include) = match &modifier.card {
        C::OneToOne | C::ManyToMany => (Cardinality::OneToOne, Vec::new()),
        C::ManyToOne(labels) => (Cardinality::ManyToOne, labels.labels.clone()),
        C::OneToMany(labels) => (Cardinality::OneToMany, labels.labels.clone()),
    };
    let (is_on, labels) = match &modifier.matching {
        None => (false, Vec::new()),
        Some(tree::LabelModifier::Include(labels)) => (true, labels.labels.clone()),
        Some(tree::LabelModifier::Exclude(labels)) => (false, labels.labels.clone()),
    };
    let fill = &modifier.fill_values;
    Matching { cardinality, is_on, labels, include, fill_left: fill.lhs, fill_right: fill.rhs }
}

fn operator(id: t::TokenId) -> Result1<Operator> {
    Ok(match id {
        t::T_ADD => Operator::Add,
        t::T_SUB => Operator::Subtract,
        t::T_MUL => Operator::Multiply,
        t::T_DIV => Operator::Divide,
        t::T_MOD => Operator::Modulo,
        t::T_POW => Operator::Power,
        t::T_ATAN2 => Operator::Atan2,
        t::T_EQLC => Operator::Equal,
        t::T_NEQ => Operator::NotEqual,
        t::T_LSS => Operator::Less,
        t::T_LTE => Operator::LessOrEqual,
        t::T_GTR => Operator::Greater,
        t::T_GTE => Operator::GreaterOrEqual,
        t::T_LAND => Operator::And,
        t::T_LOR => Operator::Or,
        t::T_LUNLESS => Operator::Unless,
        _ => return Err(ParseError::new("the query has an operator that is not supported")),
    })
}

fn aggregate_operator(id: t::TokenId) -> Result1<AggregateOperator> {
    Ok(match id {
        t::T_SUM => AggregateOperator::Sum,
        t::T_AVG => AggregateOperator::Average,
        t::T_COUNT => AggregateOperator::Count,
        t::T_MIN => AggregateOperator::Minimum,
        t::T_MAX => AggregateOperator::Maximum,
        t::T_GROUP => AggregateOperator::Group,
        t::T_STDDEV => AggregateOperator::StandardDeviation,
        t::T_STDVAR => AggregateOperator::Variance,
        t::T_TOPK => AggregateOperator::Largest,
        t::T_BOTTOMK => AggregateOperator::Smallest,
        t::T_COUNT_VALUES => AggregateOperator::CountValues,
        t::T_QUANTILE => AggregateOperator::Quantile,
        t::T_LIMITK => AggregateOperator::LimitCount,
        t::T_LIMIT_RATIO => AggregateOperator::LimitRatio,
        _ => return Err(ParseError::new("the query has an aggregation that is not supported")),
    })
}
