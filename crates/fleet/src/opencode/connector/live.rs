//! While the event stream is open.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use model::{Agent, SourceState, Timestamp};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use super::super::client::Client;
use super::super::snapshot::Snapshot;
use super::super::stream::{QUEUE, Stream, StreamEnd, Told};
use super::rounds::{self, Answers, Questions};
use super::{Connector, Ended, Refresh, RefreshError, TICK};
use crate::judge::Moment;

/// Last turns that are read at a connect, of the newest sessions at rest.
const READ_AT_CONNECT: usize = 50;
/// Sessions that one round reads.
const READ_PER_ROUND: usize = 16;
/// Events that are applied before anything else gets its turn.
const EVENTS_PER_TURN: usize = 256;
/// Waiting changes are told this often.
const FLUSH: Duration = Duration::from_millis(250);

/// Something that was asked in the background.
enum Job {
    Round { answers: Box<Answers>, is_poll: bool },
    Refresh { session: String, answer: RefreshAnswer, reply: Reply },
}

type Reply = oneshot::Sender<Result<Arc<Agent>, RefreshError>>;
type RefreshAnswer = Result<Option<Answers>, RefreshError>;
type Jobs = FuturesUnordered<BoxFuture<'static, Job>>;

impl Connector {
    /// Takes the snapshot and applies events until the stream ends.
    pub(super) async fn follow(&mut self, stream: Stream, refreshes: &mut mpsc::Receiver<Refresh>) -> Ended {
        let (queue, mut told) = mpsc::channel(QUEUE);
        // Dropped with this function, and the reader with it.
        let mut reader = JoinSet::new();
        let (name, pace, clock) = (self.source.name.clone(), self.pace().clone(), self.parts.clock.clone());
        reader.spawn(stream.read(name, pace, clock, queue));
        let opened = self.now();
        self.world.heard_byte(opened);
        // Events wait in the queue meanwhile.
        if let Err(ended) = self.take_snapshot().await {
            return ended;
        }
        self.world.connected(self.now());
        self.tell(SourceState::Live, "connected".to_owned()).await;
        self.publish().await;
        self.serve(&mut told, &mut reader, refreshes).await
    }

    async fn take_snapshot(&mut self) -> Result<(), Ended> {
        let asked = self.now();
        let client = self.parts.client.clone();
        let list =
            rounds::inventory(&client, self.settings.idle_sessions_max).await.map_err(Ended::Refused)?;
        match client.projects().await {
            Ok(projects) => self.world.set_projects(projects),
            Err(error) => tracing::debug!(%error, "the names of projects could not be read"),
        }
        let snapshot = Snapshot { asked, list: Some(list), directories: Vec::new() };
        self.world.apply_snapshot(snapshot, self.now());
        let directories = self.world.directories(self.oldest_polled());
        let directories = rounds::directories(&client, directories).await;
        self.world.apply_snapshot(Snapshot { asked, list: None, directories }, self.now());
        self.world.read_newest(READ_AT_CONNECT, self.oldest_polled());
        loop {
            let to_read = self.world.take_to_read(READ_PER_ROUND);
            if to_read.is_empty() {
                return Ok(());
            }
            for reading in rounds::readings(&client, to_read, asked).await {
                self.world.apply_reading(reading, self.now());
            }
        }
    }

    fn oldest_polled(&self) -> Timestamp {
        self.parts.clock.now() - self.settings.session_max_age
    }

    async fn serve(
        &mut self,
        told: &mut mpsc::Receiver<Told>,
        reader: &mut JoinSet<StreamEnd>,
        refreshes: &mut mpsc::Receiver<Refresh>,
    ) -> Ended {
        let clock = self.parts.clock.clone();
        let mut jobs: Jobs = FuturesUnordered::new();
        let mut is_asking = false;
        let mut next_tick = clock.monotonic() + TICK;
        let mut next_poll = clock.monotonic() + self.pace().poll;
        let mut is_waiting = false;
        loop {
            let now = clock.monotonic();
            if !is_asking && let Some(questions) = self.next_questions(now >= next_poll) {
                is_asking = true;
                let is_poll = questions.list;
                if is_poll {
                    next_poll = now + self.pace().poll;
                }
                jobs.push(round(self.parts.client.clone(), questions, self.now(), is_poll));
            }
            tokio::select! {
                Some(first) = told.recv() => {
                    self.apply(first, told);
                    self.publish().await;
                    is_waiting = self.parts.publisher.flush();
                }
                Some(end) = reader.join_next() => return self.stream_ended(end, told).await,
                Some(job) = jobs.next(), if !jobs.is_empty() => {
                    is_asking &= !matches!(job, Job::Round { .. });
                    if let Some(ended) = self.finish(job).await {
                        return ended;
                    }
                }
                Some(refresh) = refreshes.recv() => jobs.push(self.refresh(refresh)),
                () = clock.sleep(FLUSH), if is_waiting => is_waiting = self.parts.publisher.flush(),
                () = clock.sleep(self.next_look(next_tick).saturating_sub(now)) => {
                    if clock.monotonic() >= next_tick {
                        next_tick = clock.monotonic() + TICK;
                        self.publish_by_time().await;
                    } else {
                        self.publish().await;
                    }
                }
            }
        }
    }

    fn apply(&mut self, first: Told, told: &mut mpsc::Receiver<Told>) {
        let mut next = Some(first);
        let mut seen = None;
        for _ in 0..EVENTS_PER_TURN {
            let Some(one) = next else { break };
            match one {
                Told::Event(envelope, at) => {
                    self.world.apply(*envelope, at);
                    seen = Some(at.at);
                }
                Told::Alive(at) => {
                    self.world.heard_byte(at);
                    seen = Some(at.at);
                }
            }
            next = told.try_recv().ok();
        }
        // One more may be in hand when the turn is over.
        if let Some(Told::Event(envelope, at)) = next {
            self.world.apply(*envelope, at);
        }
        if let Some(at) = seen {
            self.standing.seen(at);
            self.parts.publisher.source_seen(&self.source.name, at);
        }
    }

    /// What came before the end is still applied.
    async fn stream_ended(
        &mut self,
        end: Result<StreamEnd, tokio::task::JoinError>,
        told: &mut mpsc::Receiver<Told>,
    ) -> Ended {
        while let Ok(first) = told.try_recv() {
            self.apply(first, told);
        }
        self.publish().await;
        match end {
            Ok(end) => Ended::Stream(end),
            Err(error) => {
                tracing::error!(%error, "the reader of an event stream failed");
                Ended::Stream(StreamEnd::Closed)
            }
        }
    }

    /// A poll when it is due; otherwise what events left open.
    fn next_questions(&mut self, is_poll_due: bool) -> Option<Questions> {
        let mut questions = Questions {
            read: self.world.take_to_read(READ_PER_ROUND),
            fetch: self.world.take_to_fetch(),
            ..Questions::default()
        };
        if is_poll_due {
            questions.list = true;
            questions.directories = self.world.directories(self.oldest_polled());
        }
        (!questions.is_empty()).then_some(questions)
    }

    async fn finish(&mut self, job: Job) -> Option<Ended> {
        match job {
            Job::Round { answers, is_poll } => {
                let unauthorized = self.take_in(*answers);
                if is_poll {
                    let source = self.source.name.clone();
                    metrics::gauge!("watchkeeper_fleet_sessions_left_out", "source" => source)
                        .set(self.world.left_out() as f64);
                }
                self.publish().await;
                unauthorized
            }
            Job::Refresh { session, answer, reply } => {
                let answer = match answer {
                    Ok(Some(answers)) => {
                        self.take_in(answers);
                        self.publish().await;
                        self.world.agent(&session).ok_or(RefreshError::Gone)
                    }
                    Ok(None) => {
                        self.world.apply_fetched(&session, None, self.now());
                        self.publish().await;
                        Err(RefreshError::Gone)
                    }
                    Err(error) => Err(error),
                };
                // Whoever asked may have gone.
                let _ = reply.send(answer);
                None
            }
        }
    }

    fn take_in(&mut self, answers: Answers) -> Option<Ended> {
        let now = self.now();
        for (session, info) in answers.fetched {
            self.world.apply_fetched(&session, info, now);
        }
        self.world.apply_snapshot(answers.snapshot, now);
        for reading in answers.readings {
            self.world.apply_reading(reading, now);
        }
        answers.unauthorized.map(Ended::Refused)
    }

    /// Everything that REST tells about one session.
    fn refresh(&self, refresh: Refresh) -> BoxFuture<'static, Job> {
        let Refresh { session, reply } = refresh;
        let client = self.parts.client.clone();
        let directory = self.world.directory_of(&session);
        let asked = self.now();
        Box::pin(async move {
            let answer = read_one(&client, &session, directory, asked).await;
            Job::Refresh { session, answer, reply }
        })
    }
}

fn round(client: Arc<Client>, questions: Questions, asked: Moment, is_poll: bool) -> BoxFuture<'static, Job> {
    Box::pin(async move {
        let answers = Box::new(rounds::ask(&client, questions, asked).await);
        Job::Round { answers, is_poll }
    })
}

/// `None`: there is no such session.
async fn read_one(client: &Client, session: &str, directory: Option<String>, asked: Moment) -> RefreshAnswer {
    let Some(info) = client.session(session, directory.as_deref()).await? else { return Ok(None) };
    let directory = info.directory.clone();
    let statuses = client.statuses(&directory).await?;
    let (permissions, questions, messages, todo) = futures::join!(
        client.permissions(&directory),
        client.questions(&directory),
        client.messages(session, &directory),
        client.todo(session, &directory),
    );
    let reading = super::super::snapshot::Reading {
        asked,
        session: session.to_owned(),
        messages: messages?,
        todo: todo.ok(),
    };
    let state = super::super::snapshot::DirectoryState {
        directory,
        statuses: Some(statuses),
        permissions: permissions.ok(),
        questions: questions.ok(),
    };
    Ok(Some(Answers {
        snapshot: Snapshot { asked, list: None, directories: vec![state] },
        readings: vec![reading],
        fetched: vec![(session.to_owned(), Some(info))],
        unauthorized: None,
    }))
}
