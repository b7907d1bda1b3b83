//! `retention plan`.

use embedded::inspect;
use runtime::SystemClock;
use storage::{DropReason, DroppedDay, ThinnedDay};

use super::{rounded_size, store_parts};
use crate::config::{self, RetentionRule, Startup};
use crate::{terminal, wiring};

/// Shows what the next hourly look of the server would drop; a server may be running.
pub fn plan(startup: &Startup) -> anyhow::Result<()> {
    let (settings, _) = config::load(startup)?;
    let now = SystemClock::shared().now();
    let policy = wiring::of_telemetry(&settings);
    let plan = inspect::plan_retention(&settings.data, &store_parts(), &policy, now)?;
    if let Some(time) = plan.clock_doubted {
        terminal::say(&format!(
            "The clock has jumped ahead and is not believed before a day has passed: ages are counted to {time}."
        ));
    }
    for dropped in &plan.days {
        terminal::say(&day_line(dropped, settings.retention_days, settings.retention.bytes_max));
    }
    for thinned in &plan.thinned {
        terminal::say(&thinned_line(thinned, &settings.retention.rules));
    }
    if plan.days.is_empty() && plan.thinned.is_empty() {
        terminal::say("Nothing would be dropped now.");
    }
    terminal::complain(
        "Nothing was dropped. Rows that a running server has not yet written to segments are not counted.",
    );
    Ok(())
}

fn day_line(dropped: &DroppedDay, days: u64, bytes_max: Option<u64>) -> String {
    let reason = match dropped.reason {
        DropReason::Age => format!("it is older than monitoring.retention_days = {days}"),
        DropReason::Size => {
            format!(
                "all together are larger than retention.max_bytes = {}",
                rounded_size(bytes_max.unwrap_or(0))
            )
        }
    };
    let (table, day) = (dropped.signal.as_str(), &dropped.day.to_rfc3339()[..10]);
    format!("{table} {day}: {} rows, {}, because {reason}", dropped.rows, rounded_size(dropped.bytes))
}

fn thinned_line(thinned: &ThinnedDay, rules: &[RetentionRule]) -> String {
    let (table, day) = (thinned.signal.as_str(), &thinned.day.to_rfc3339()[..10]);
    let rule = rules.get(thinned.rule).map_or(String::new(), |rule| {
        format!(", because of the rule for {} ({})", rule.selector, rule.origin)
    });
    format!("{table} {day}: {} streams{rule}", thinned.streams)
}
