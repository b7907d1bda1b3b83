//! What rules would have done over stored samples.

use std::time::Duration;

use alerting::{Look, Night, RuleGroup};
use axum::Json;
use axum::extract::State;
use model::{Timestamp, parse_duration};

use crate::app::Shared;
use crate::dto::backtest::{BacktestDto, BacktestQuestionDto, BacktestsDto};
use crate::problem::Problem;
use crate::wire::Body;

const WEEK: Duration = Duration::from_secs(7 * 24 * 3600);
/// More rules are asked for in several requests.
const RULES_MAX: usize = 50;

pub(super) async fn backtest(
    State(app): State<Shared>,
    Body(question): Body<BacktestQuestionDto>,
) -> Result<Json<BacktestsDto>, Problem> {
    let rules = rules(&question.rules)?;
    let look = look(&app, &question)?;
    // It takes a processor for itself; somebody else's look back is not far from its end.
    let busy = |_| Problem::too_many("Another look back is under way.", 5);
    let _turn = app.backtests.try_acquire().map_err(busy)?;
    let most = app.settings.query_timeout;
    let looking = app.engines.alerts.backtest(&rules, &look);
    let Ok(looked) = tokio::time::timeout(most, looking).await else {
        return Err(Problem::unavailable(format!(
            "It takes longer than {most:?} (`query.timeout`); look back less far, or ask for fewer rules."
        )));
    };
    let looked = looked.map_err(|error| Problem::bad_request(error.to_string()))?;
    Ok(Json(BacktestsDto {
        start: crate::dto::time(look.start),
        end: crate::dto::time(look.end),
        rules: looked.iter().map(BacktestDto::from).collect(),
    }))
}

fn rules(yaml: &str) -> Result<Vec<RuleGroup>, Problem> {
    let groups = alerting::rules::parse("rules", yaml)
        .map_err(|error| Problem::bad_field("/rules", error.to_string()))?;
    match groups.iter().map(|group| group.alerts().count()).sum::<usize>() {
        0 => Err(Problem::bad_field("/rules", "has no alerting rule")),
        count if count > RULES_MAX => {
            Err(Problem::bad_field("/rules", format!("has {count} alerting rules, more than {RULES_MAX}")))
        }
        _ => Ok(groups),
    }
}

fn look(app: &Shared, question: &BacktestQuestionDto) -> Result<Look, Problem> {
    let end = match &question.end {
        None => app.engines.clock.now(),
        Some(text) => {
            time(text).ok_or_else(|| Problem::bad_field("/end", format!("`{text}` is not a time")))?
        }
    };
    let since = match &question.since {
        None => WEEK,
        Some(text) => parse_duration(text)
            .ok_or_else(|| Problem::bad_field("/since", format!("`{text}` is not a duration such as 30d")))?,
    };
    let zone = question.zone.as_deref().unwrap_or("UTC");
    let hours = question.night.as_deref().unwrap_or("22-7");
    let night = Night::parse(zone, hours).map_err(|reason| Problem::bad_field("/night", reason))?;
    Ok(Look { start: end - since, end, interval: app.settings.configuration.alert_interval, night })
}

fn time(text: &str) -> Option<Timestamp> {
    let instant: jiff::Timestamp = text.parse().ok()?;
    Some(Timestamp::from_millis(instant.as_millisecond()))
}
