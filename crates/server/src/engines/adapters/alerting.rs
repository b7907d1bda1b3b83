//! Alerts and receivers.

use alerting::{
    AckError, AlertStatistics, Alerting, Backtest, BacktestError, GroupStatus, Look, ReceiverView, RuleGroup,
    TestError,
};
use async_trait::async_trait;
use model::{Alert, Timestamp};

use super::changes_of;
use crate::engines::{AcknowledgeFault, AlertDesk, Change, Changes, DeskError, TestFault};

#[async_trait]
impl AlertDesk for Alerting {
    fn open(&self) -> Vec<Alert> {
        self.open_alerts()
    }

    async fn history(&self, since: Timestamp) -> Result<Vec<Alert>, DeskError> {
        Alerting::history(self, since).await.map_err(DeskError::new)
    }

    async fn statistics(&self) -> Result<AlertStatistics, DeskError> {
        Alerting::statistics(self).await.map_err(DeskError::new)
    }

    fn rules(&self) -> Vec<GroupStatus> {
        Alerting::rules(self)
    }

    async fn backtest(&self, rules: &[RuleGroup], look: &Look) -> Result<Vec<Backtest>, BacktestError> {
        Alerting::backtest(self, rules, look).await
    }

    async fn receivers(&self) -> Result<Vec<ReceiverView>, DeskError> {
        Alerting::receivers(self).await.map_err(DeskError::new)
    }

    async fn acknowledge(&self, alert: &str, who: &str) -> Result<Alert, AcknowledgeFault> {
        Alerting::acknowledge(self, alert, who).await.map_err(|error| match error {
            AckError::NotFound { .. } => AcknowledgeFault::NotOpen,
            error @ AckError::State(_) => AcknowledgeFault::Failed(DeskError::new(error)),
        })
    }

    async fn send_test(&self, receiver: &str) -> Result<state::Receipt, TestFault> {
        Alerting::send_test(self, receiver).await.map_err(|error| match error {
            TestError::NotFound { .. } => TestFault::Unknown,
            TestError::Disabled { .. } => TestFault::Refused(error.to_string()),
            TestError::TooSlow(_) => TestFault::TooSlow(error.to_string()),
            error @ TestError::State(_) => TestFault::Failed(DeskError::new(error)),
        })
    }

    fn changes(&self) -> Changes {
        changes_of(self.subscribe(), |alert| Some(Change::Alert(Box::new(alert))))
    }
}
