//! From an agent's failure at its source to the webhook that tells of it.
//!
//! A failure is believed after 0.3 s without contradiction, because a client may answer it with
//! the next prompt at once; that time is part of the figures.

use std::time::Duration;

use anyhow::Context;

use crate::stands::{OpenCodeStand, WebhookStand};
use bench::Durations;

pub async fn print(opencode: &OpenCodeStand, webhook: &WebhookStand, changes: usize) -> anyhow::Result<()> {
    let mut durations = Durations::default();
    for index in 0..changes {
        let failed = opencode.fail_session(index);
        let session = OpenCodeStand::session(index);
        let told = tokio::time::timeout(Duration::from_secs(60), webhook.told_of(&session))
            .await
            .with_context(|| format!("no webhook about {session} within 60 s"))?;
        durations.push(told.saturating_duration_since(failed));
    }
    println!("agent fails at its source -> webhook received, {} changes", durations.count());
    for (name, quantile) in [("median", 0.5), ("p90", 0.9), ("worst", 1.0)] {
        println!("  {name:<8} {:>8.1} ms", durations.quantile_ms(quantile));
    }
    Ok(())
}
