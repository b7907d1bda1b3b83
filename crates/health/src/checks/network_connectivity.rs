//! The configured addresses answer, and the sources of agents can be reached.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::future::join_all;
use model::{Fact, Verdict};

use super::{Check, Finding, Judgement, Judging, Surroundings, counted, facts, is_unreachable, number};

pub(super) struct NetworkConnectivity(pub Arc<Surroundings>);

#[derive(Clone, Debug)]
struct Answer {
    name: String,
    is_ours: bool,
    outcome: Result<Duration, String>,
}

#[derive(Clone, Debug, Default)]
struct Measured {
    addresses: Vec<Answer>,
    sources: usize,
    /// With the reason.
    unreachable_sources: Vec<String>,
}

#[async_trait]
impl Check for NetworkConnectivity {
    fn name(&self) -> &'static str {
        "network_connectivity"
    }

    async fn look(&self) -> Finding {
        let around = &self.0;
        let answers = around.settings.urls.iter().map(async |address| Answer {
            name: address.name.clone(),
            is_ours: address.is_ours,
            outcome: around.web.get(&address.url, around.clock.as_ref()).await,
        });
        let addresses = join_all(answers).await;
        let sources = around.fleet.sources();
        let measured = Measured {
            addresses,
            sources: sources.len(),
            unreachable_sources: sources
                .iter()
                .filter(|source| is_unreachable(source))
                .map(|source| format!("{} is {}: {}", source.name, source.state.as_str(), source.reason))
                .collect(),
        };
        let mut details = facts([]);
        let ours: Vec<_> = measured.addresses.iter().filter(|address| address.is_ours).collect();
        let external: Vec<_> = measured.addresses.iter().filter(|address| !address.is_ours).collect();
        for (key, group) in [("localhost_reachable", &ours), ("external_reachable", &external)] {
            if !group.is_empty() {
                let all = group.iter().all(|address| address.outcome.is_ok());
                details.insert(key.into(), Fact::Flag(all));
            }
        }
        if let Some(took) = ours.iter().find_map(|address| address.outcome.as_ref().ok()) {
            details.insert("localhost_response_time_ms".into(), number(took.as_secs_f64() * 1000.0));
        }
        let judgement = judge(&measured);
        let actions = match judgement.verdict {
            Verdict::Critical => vec!["restart_network_services"],
            _ => vec![],
        };
        judgement.with(details, actions)
    }
}

fn judge(measured: &Measured) -> Judgement {
    if measured.addresses.is_empty() && measured.sources == 0 {
        return Judgement::unknown("no address is configured and no source is known");
    }
    let mut judging = Judging::default();
    let external = measured.addresses.iter().filter(|address| !address.is_ours).count();
    let silent =
        measured.addresses.iter().filter(|address| !address.is_ours && address.outcome.is_err()).count();
    for address in &measured.addresses {
        let Err(reason) = &address.outcome else { continue };
        let verdict = match address.is_ours {
            true => Verdict::Critical,
            false if external > 1 && silent == external => Verdict::Unhealthy,
            false => Verdict::Degraded,
        };
        judging.note(verdict, format!("{} does not answer: {reason}", address.name));
    }
    let unreachable = measured.unreachable_sources.len();
    if unreachable > 0 {
        let verdict = if unreachable == measured.sources { Verdict::Unhealthy } else { Verdict::Degraded };
        judging.note(verdict, measured.unreachable_sources.join(", "));
    }
    let addresses = match measured.addresses.len() {
        1 => "1 address".to_owned(),
        many => format!("{many} addresses"),
    };
    judging.conclude(format!("{addresses} and {} answer", counted(measured.sources, "source")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verdict_is_reachable() {
        let ok = || Ok(Duration::from_millis(3));
        let no = || Err("connection refused".to_owned());
        let answer = |is_ours, outcome| Answer { name: "x".into(), is_ours, outcome };
        let measured = |addresses, sources, unreachable: usize| Measured {
            addresses,
            sources,
            unreachable_sources: vec!["opencode is down".to_owned(); unreachable],
        };
        let ours = || answer(true, ok());
        for (measured, verdict) in [
            (measured(vec![ours()], 0, 0), Verdict::Healthy),
            (measured(vec![ours(), answer(false, no())], 0, 0), Verdict::Degraded),
            (measured(vec![ours()], 2, 1), Verdict::Degraded),
            (measured(vec![ours(), answer(false, no()), answer(false, no())], 0, 0), Verdict::Unhealthy),
            (measured(vec![ours()], 1, 1), Verdict::Unhealthy),
            (measured(vec![answer(true, no())], 0, 0), Verdict::Critical),
            (measured(vec![], 0, 0), Verdict::Unknown),
        ] {
            assert_eq!(judge(&measured).verdict, verdict, "{measured:?}");
        }
    }
}
