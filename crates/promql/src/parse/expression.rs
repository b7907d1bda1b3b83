//! The expression as evaluation sees it: names resolved, parentheses gone, times in
//! milliseconds.

use model::Matcher;
pub use promql_parser::parser::value::ValueType;

use crate::functions::Function;

#[derive(Debug)]
pub struct Expression {
    pub kind: Kind,
    /// The byte of the text where it begins; absent when the text and the tree could not
    /// be brought together.
    pub at: Option<usize>,
}

#[derive(Debug)]
pub enum Kind {
    Number(f64),
    Text(Text),
    /// The latest sample of each series of the selector with this index.
    Instant {
        selector: usize,
        shift: Shift,
    },
    /// The samples of a range before each step.
    Range(RangeExpression),
    Negate(Box<Expression>),
    Binary(Box<Binary>),
    Aggregate(Box<Aggregate>),
    Call {
        function: &'static Function,
        arguments: Vec<Expression>,
    },
}

#[derive(Debug)]
pub struct RangeExpression {
    pub source: RangeSource,
    pub range_ms: i64,
    pub shift: Shift,
}

#[derive(Debug)]
pub enum RangeSource {
    Selector(usize),
    Subquery { inner: Box<Expression>, step_ms: Option<i64> },
}

#[derive(Debug)]
pub struct Text {
    /// Nothing when the bytes of the literal are no text.
    pub value: Option<String>,
    /// As it stands in the query, for remarks about it.
    pub literal: String,
}

/// From a step's time to the time that is looked at.
#[derive(Clone, Copy, Debug, Default)]
pub struct Shift {
    pub anchor: Option<Anchor>,
    pub offset_ms: i64,
}

#[derive(Clone, Copy, Debug)]
pub enum Anchor {
    Start,
    End,
    Fixed(i64),
}

/// One selector of the text.
#[derive(Debug)]
pub struct Selector {
    pub matchers: Vec<Matcher>,
    /// Whether whole ranges are asked for; stale markers then play no part.
    pub is_range: bool,
    /// Whether only sums and counts of its histograms are of interest, as within
    /// `histogram_count`. Prometheus then tells resets by itself, and warns when they
    /// contradict each other.
    pub tells_resets: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    Power,
    Atan2,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    And,
    Or,
    Unless,
    /// `</` and `>/`: what of a histogram is below or above a value.
    KeepBelow,
    KeepAbove,
}

impl Operator {
    pub fn is_trim(self) -> bool {
        matches!(self, Operator::KeepBelow | Operator::KeepAbove)
    }

    /// As it is written.
    pub fn name(self) -> &'static str {
        use Operator::*;
        match self {
            Add => "+",
            Subtract => "-",
            Multiply => "*",
            Divide => "/",
            Modulo => "%",
            Power => "^",
            Atan2 => "atan2",
            Equal => "==",
            NotEqual => "!=",
            Less => "<",
            LessOrEqual => "<=",
            Greater => ">",
            GreaterOrEqual => ">=",
            And => "and",
            Or => "or",
            Unless => "unless",
            KeepBelow => "</",
            KeepAbove => ">/",
        }
    }

    pub fn is_comparison(self) -> bool {
        use Operator::*;
        matches!(self, Equal | NotEqual | Less | LessOrEqual | Greater | GreaterOrEqual)
    }

    pub fn is_set(self) -> bool {
        matches!(self, Operator::And | Operator::Or | Operator::Unless)
    }
}

#[derive(Debug)]
pub struct Binary {
    pub operator: Operator,
    pub left: Expression,
    pub right: Expression,
    pub returns_bool: bool,
    pub matching: Matching,
}

/// Which series of both sides belong together.
#[derive(Debug)]
pub struct Matching {
    pub cardinality: Cardinality,
    /// `on` when true, `ignoring` otherwise.
    pub is_on: bool,
    pub labels: Vec<String>,
    /// Labels taken over from the "one" side.
    pub include: Vec<String>,
    pub fill_left: Option<f64>,
    pub fill_right: Option<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cardinality {
    OneToOne,
    ManyToOne,
    OneToMany,
}

#[derive(Debug)]
pub struct Aggregate {
    pub operator: AggregateOperator,
    pub parameter: Option<Expression>,
    pub inner: Expression,
    pub is_without: bool,
    pub labels: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AggregateOperator {
    Sum,
    Average,
    Count,
    Minimum,
    Maximum,
    Group,
    StandardDeviation,
    Variance,
    Largest,
    Smallest,
    CountValues,
    Quantile,
    LimitCount,
    LimitRatio,
}

impl AggregateOperator {
    pub fn name(self) -> &'static str {
        use AggregateOperator::*;
        match self {
            Sum => "sum",
            Average => "avg",
            Count => "count",
            Minimum => "min",
            Maximum => "max",
            Group => "group",
            StandardDeviation => "stddev",
            Variance => "stdvar",
            Largest => "topk",
            Smallest => "bottomk",
            CountValues => "count_values",
            Quantile => "quantile",
            LimitCount => "limitk",
            LimitRatio => "limit_ratio",
        }
    }
}

impl Expression {
    pub fn value_type(&self) -> ValueType {
        match &self.kind {
            Kind::Number(_) => ValueType::Scalar,
            Kind::Text(_) => ValueType::String,
            Kind::Instant { .. } | Kind::Aggregate(_) => ValueType::Vector,
            Kind::Range(_) => ValueType::Matrix,
            Kind::Negate(inner) => inner.value_type(),
            Kind::Call { function, .. } => function.returns,
            Kind::Binary(binary) => {
                let is_scalar = |side: &Expression| side.value_type() == ValueType::Scalar;
                if is_scalar(&binary.left) && is_scalar(&binary.right) {
                    ValueType::Scalar
                } else {
                    ValueType::Vector
                }
            }
        }
    }
}
