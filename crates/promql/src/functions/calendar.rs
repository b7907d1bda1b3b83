//! Parts of a date in UTC: `year`, `month`, `day_of_week` and the like.

use model::LabelSet;

use super::Function;
use crate::EvalError;
use crate::eval::{Evaluator, Row};
use crate::parse::expression::Expression;
use crate::plan::Grid;

/// A moment taken apart. Days are counted from the first of January 1970, a Thursday.
struct Moment {
    days: i64,
    second_of_day: i64,
}

const DAY_SECS: i64 = 86_400;

/// Keeps the arithmetic within its type; three million years suffice.
const SECS_MAX: f64 = 1e14;

impl Moment {
    fn new(secs: f64) -> Self {
        let secs = secs.clamp(-SECS_MAX, SECS_MAX) as i64;
        Self { days: secs.div_euclid(DAY_SECS), second_of_day: secs.rem_euclid(DAY_SECS) }
    }

    /// Year, month and day of the month. Years are counted from March, so that the leap
    /// day is the last of its year; 146 097 days are four hundred years.
    fn date(&self) -> (i64, i64, i64) {
        let shifted = self.days + 719_468;
        let era = shifted.div_euclid(146_097);
        let day_of_era = shifted.rem_euclid(146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        (year, month, day)
    }
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn month_length(year: i64, month: i64) -> i64 {
    match month {
        2 => 28 + i64::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn day_number(year: i64, month: i64, day: i64) -> i64 {
    (1..month).map(|earlier| month_length(year, earlier)).sum::<i64>() + day
}

macro_rules! part {
    ($name:ident, $compute:expr) => {
        pub fn $name<'a>(
            evaluator: &mut Evaluator<'a>,
            _: &'a Function,
            arguments: &'a [Expression],
            grid: Grid,
        ) -> Result<Vec<Row>, EvalError> {
            let compute: fn(&Moment) -> i64 = $compute;
            parts(evaluator, arguments, grid, compute)
        }
    };
}

part!(year, |moment| moment.date().0);
part!(month, |moment| moment.date().1);
part!(day_of_month, |moment| moment.date().2);
part!(day_of_week, |moment| (moment.days + 4).rem_euclid(7));
part!(day_of_year, |moment| {
    let (year, month, day) = moment.date();
    day_number(year, month, day)
});
part!(days_in_month, |moment| {
    let (year, month, _) = moment.date();
    month_length(year, month)
});
part!(hour, |moment| moment.second_of_day / 3_600);
part!(minute, |moment| moment.second_of_day / 60 % 60);

/// Of the values of the argument, or of the evaluation time when there is none.
fn parts<'a>(
    evaluator: &mut Evaluator<'a>,
    arguments: &'a [Expression],
    grid: Grid,
    part: fn(&Moment) -> i64,
) -> Result<Vec<Row>, EvalError> {
    let compute = |secs: f64| if secs.is_nan() { f64::NAN } else { part(&Moment::new(secs)) as f64 };
    let Some(argument) = arguments.first() else {
        let points = grid.times().map(|time| Some(compute(time.div_euclid(1000) as f64)));
        return Ok(vec![Row::new(LabelSet::empty(), false, points.collect())]);
    };
    let mut rows = evaluator.float_rows(argument, grid)?;
    for row in &mut rows {
        row.drop_name = true;
        row.points.iter_mut().flatten().for_each(|value| *value = compute(*value));
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_gregorian_calendar() {
        for (secs, date) in [
            (0.0, (1970, 1, 1)),
            (-1.0, (1969, 12, 31)),
            (951_782_400.0, (2000, 2, 29)),
            (1_456_790_400.0, (2016, 3, 1)),
            (4_107_542_400.0, (2100, 3, 1)),
        ] {
            assert_eq!(Moment::new(secs).date(), date);
        }
    }

    #[test]
    fn the_last_day_of_a_leap_year_is_its_366th() {
        assert_eq!(day_number(2016, 12, 31), 366);
        assert_eq!(day_number(2100, 12, 31), 365);
    }
}
