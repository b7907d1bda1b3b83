//! Queries that Prometheus 2.42 and the engine both know and mean alike.

pub const METRICS: [&str; 3] = ["requests_total", "temperature", "depth"];

/// Enough for tests: the same seed asks the same queries.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        (self.next() >> 11) % bound
    }

    pub fn float(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn pick(&mut self, from: &[&'static str]) -> &'static str {
        from[usize::try_from(self.below(from.len() as u64)).unwrap()]
    }

    /// An instant vector, at most `depth` deep.
    pub fn vector(&mut self, depth: u64) -> String {
        match if depth == 0 { 0 } else { self.below(9) } {
            0 => self.selector() + self.shift(),
            1 | 2 => self.over_range(depth),
            3 => {
                let function = self.pick(&["abs", "ceil", "floor", "sqrt", "ln", "sgn", "-"]);
                format!("{function}({})", self.vector(depth - 1))
            }
            4 | 5 => self.aggregation(depth),
            6 => self.with_scalar(depth),
            7 => self.matched(depth),
            _ => {
                let function = self.pick(&["clamp_min", "clamp_max", "round"]);
                format!("{function}({}, {})", self.vector(depth - 1), 1 + self.below(50))
            }
        }
    }

    fn selector(&mut self) -> String {
        let metric = self.pick(&METRICS);
        let matchers = self.pick(&[
            "",
            "{job=\"a\"}",
            "{job!=\"b\"}",
            "{job=~\"a|c\"}",
            "{instance!~\"1|x\",job=~\".+\"}",
        ]);
        format!("{metric}{matchers}")
    }

    fn shift(&mut self) -> &'static str {
        self.pick(&[
            "",
            "",
            "",
            " offset 2m",
            " offset -90s",
            " @ 1700002307",
            " @ end()",
            " @ start() offset 1m",
        ])
    }

    fn over_range(&mut self, depth: u64) -> String {
        let range = if depth > 1 && self.below(3) == 0 {
            let steps = self.pick(&["[10m:1m]", "[5m:20s]", "[7m:]"]);
            format!("({}){steps}{}", self.vector(depth - 2), self.shift())
        } else {
            let range = self.pick(&["[1m]", "[2m]", "[5m]", "[10m]"]);
            format!("{}{range}{}", self.selector(), self.shift())
        };
        let function = self.pick(&[
            "rate",
            "increase",
            "delta",
            "irate",
            "idelta",
            "sum_over_time",
            "avg_over_time",
            "min_over_time",
            "max_over_time",
            "count_over_time",
            "stddev_over_time",
            "last_over_time",
            "present_over_time",
            "changes",
            "resets",
            "deriv",
            "quantile_over_time(0.3,",
            "predict_linear",
        ]);
        match function {
            // Near zero, Prometheus 2 and 3 extrapolate counters differently.
            "rate" | "increase" if !range.starts_with("requests_total") => format!("delta({range})"),
            // With `@`, Prometheus 2.42 drops points of it.
            "predict_linear" if range.contains('@') => format!("deriv({range})"),
            "predict_linear" => format!("predict_linear({range}, 600)"),
            open if open.ends_with(',') => format!("{open} {range})"),
            _ => format!("{function}({range})"),
        }
    }

    fn aggregation(&mut self, depth: u64) -> String {
        let operator = self.pick(&[
            "sum(",
            "avg(",
            "min(",
            "max(",
            "count(",
            "group(",
            "stddev(",
            "stdvar(",
            "topk(2, ",
            "bottomk(1, ",
            "quantile(0.7, ",
        ]);
        let by = self.pick(&["", " by (job)", " by (instance)", " without (job)", " without (instance)"]);
        let (word, rest) = operator.split_once('(').unwrap();
        // Of equal values `topk` may keep either, and of a single NaN Prometheus 2 says that it
        // does not vary: these get finite values that all differ.
        let is_plain = word.ends_with('k') || word.starts_with("std");
        let inner = if is_plain { self.selector() } else { self.vector(depth - 1) };
        format!("{word}{by}({rest}{inner})")
    }

    fn with_scalar(&mut self, depth: u64) -> String {
        let operator = self.pick(&["+", "-", "*", "/", "^", "> bool", "<", ">=", "!=", "== bool"]);
        let (vector, scalar) = (self.vector(depth - 1), 1 + self.below(9));
        if self.below(2) == 0 {
            format!("({vector}) {operator} {scalar}")
        } else {
            format!("{scalar} {operator} ({vector})")
        }
    }

    fn matched(&mut self, depth: u64) -> String {
        let operator = self.pick(&["+", "-", "*", "/", ">", "<= bool", "and", "or", "unless"]);
        let is_set = matches!(operator, "and" | "or" | "unless");
        let matching = if is_set {
            self.pick(&["", " on (job)", " ignoring (instance)"])
        } else {
            self.pick(&["", " on (job, instance)", " on (job) group_left"])
        };
        let right = if matching.ends_with("group_left") {
            format!("sum by (job) ({})", self.vector(depth - 1))
        } else {
            format!("({})", self.vector(depth - 1))
        };
        format!("({}) {operator}{matching} {right}", self.vector(depth - 1))
    }
}
