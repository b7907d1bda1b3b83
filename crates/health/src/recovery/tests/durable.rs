//! The same with the real book.

use std::sync::Arc;

use model::{AgentId, Outcome};
use state::State;
use testkit::FakeClock;

use super::world::{World, stuck};
use crate::recovery::book::RunBook;
use crate::recovery::restart::{Restart, Wanted};
use crate::{HealthEvent, RecoverySettings};

#[tokio::test]
async fn the_intent_is_in_the_database_before_anything_is_done_and_so_is_the_outcome() {
    let directory = tempfile::tempdir().unwrap();
    let clock = FakeClock::new();
    let state = State::open(&directory.path().join("state.db"), Arc::new(clock)).await.unwrap();
    let world = World::new([stuck("a")]);
    let (events, mut seen) = tokio::sync::broadcast::channel(16);
    let restart = Restart {
        limits: Arc::new(RecoverySettings::default()),
        clock: Arc::new(world.clock.clone()),
        fleet: world.clone(),
        book: Arc::new(state.clone()),
        events,
    };
    let wanted = Wanted { trigger: model::Trigger::AutoRecovery, actor: None };
    let run = restart.carry_out(Arc::new(stuck("a")), wanted);
    // Time passes while nothing is told; each event is sent after its record was written.
    let story = async {
        loop {
            let Ok(HealthEvent::Run(told)) = seen.try_recv() else {
                world.clock.advance(std::time::Duration::from_millis(250)).await;
                continue;
            };
            let written = state.of_agent(&AgentId::new("a"), told.started).await.unwrap();
            assert!(written[0].steps.len() >= told.steps.len());
            if told.outcome != Outcome::Running {
                return written;
            }
        }
    };
    let (run, written) = tokio::join!(run, story);
    assert_eq!((run.unwrap(), written[0].outcome), (written[0].clone(), Outcome::Verified));
    assert!(state.unfinished().await.unwrap().is_empty());
}
