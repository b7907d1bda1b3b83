//! The numbers of the contract's alert statistics. Pure.

use std::collections::BTreeMap;

use model::{Alert, AlertStatus, Severity};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AlertStatistics {
    pub active_alerts: usize,
    pub total_rules: usize,
    pub enabled_rules: usize,
    pub notification_channels: usize,
    pub enabled_channels: usize,
    /// Of the open alerts; every severity is there.
    pub severity_distribution: BTreeMap<Severity, usize>,
    /// Of the history of 24 hours, by [`AlertStatus::as_str`].
    pub status_distribution: BTreeMap<&'static str, usize>,
    /// Nothing escalates yet.
    pub escalation_timers_active: usize,
    /// Components with more than one active alert.
    pub correlations_active: usize,
}

/// What is configured.
pub(crate) struct Configured {
    pub rules: usize,
    pub channels: usize,
    pub enabled_channels: usize,
}

pub(crate) fn statistics(configured: &Configured, open: &[Alert], history: &[Alert]) -> AlertStatistics {
    let mut severities: BTreeMap<Severity, usize> =
        Severity::ALL.into_iter().map(|severity| (severity, 0)).collect();
    let mut components: BTreeMap<&str, usize> = BTreeMap::new();
    for alert in open {
        *severities.entry(alert.severity).or_default() += 1;
        if alert.status == AlertStatus::Active {
            *components.entry(&alert.component).or_default() += 1;
        }
    }
    let mut statuses = BTreeMap::new();
    for alert in history {
        *statuses.entry(alert.status.as_str()).or_default() += 1;
    }
    AlertStatistics {
        active_alerts: open.len(),
        total_rules: configured.rules,
        enabled_rules: configured.rules,
        notification_channels: configured.channels,
        enabled_channels: configured.enabled_channels,
        severity_distribution: severities,
        status_distribution: statuses,
        escalation_timers_active: 0,
        correlations_active: components.values().filter(|count| **count > 1).count(),
    }
}

#[cfg(test)]
mod tests {
    use model::Timestamp;

    use super::*;
    use crate::message::test_alert;

    #[test]
    fn alerts_are_counted_by_severity_status_and_component() {
        let alert = |severity, status, component: &str| Alert {
            severity,
            status,
            component: component.to_owned(),
            ..test_alert("x", Timestamp::from_secs(1))
        };
        let open = [
            alert(Severity::High, AlertStatus::Active, "agent"),
            alert(Severity::High, AlertStatus::Active, "agent"),
            alert(Severity::Low, AlertStatus::Acknowledged, "system"),
        ];
        let mut history = open.to_vec();
        history.push(alert(Severity::Info, AlertStatus::Resolved, "agent"));
        let configured = Configured { rules: 13, channels: 3, enabled_channels: 2 };
        let counted = statistics(&configured, &open, &history);
        assert_eq!((counted.active_alerts, counted.correlations_active), (3, 1));
        assert_eq!(
            (counted.severity_distribution[&Severity::High], counted.severity_distribution[&Severity::Info]),
            (2, 0)
        );
        assert_eq!(
            counted.status_distribution,
            BTreeMap::from([("active", 2), ("acknowledged", 1), ("resolved", 1)])
        );
    }
}
