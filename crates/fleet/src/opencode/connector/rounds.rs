//! Rounds of questions to the server: the snapshot, the poll, single sessions.

use futures::StreamExt;
use futures::stream;

use super::super::client::{Client, ClientError};
use super::super::snapshot::{DirectoryState, Reading, SessionList, Snapshot};
use super::super::wire::SessionInfo;
use crate::judge::Moment;

/// Questions at one time: enough to hide the waiting, few enough to be no load.
const AT_ONCE: usize = 4;

/// What one round is to ask.
#[derive(Debug, Default)]
pub struct Questions {
    /// The newest sessions, to see what others run.
    pub list: bool,
    pub directories: Vec<String>,
    /// Sessions with their directories.
    pub read: Vec<(String, String)>,
    pub fetch: Vec<(String, Option<String>)>,
}

impl Questions {
    pub fn is_empty(&self) -> bool {
        !self.list && self.directories.is_empty() && self.read.is_empty() && self.fetch.is_empty()
    }
}

/// What was answered. A question that failed is missing, and was counted.
#[derive(Debug)]
pub struct Answers {
    pub snapshot: Snapshot,
    pub readings: Vec<Reading>,
    pub fetched: Vec<(String, Option<SessionInfo>)>,
    /// A password that was right is wrong now.
    pub unauthorized: Option<ClientError>,
}

pub async fn ask(client: &Client, questions: Questions, asked: Moment) -> Answers {
    let mut unauthorized = None;
    let list = match questions.list {
        true => good(client.newest_sessions().await, &mut unauthorized),
        false => None,
    };
    let directories = directories(client, questions.directories).await;
    let readings = readings(client, questions.read, asked).await;
    let fetching = questions.fetch.into_iter().map(|(session, directory)| async move {
        let fetched = client.session(&session, directory.as_deref()).await;
        good(fetched, &mut None).map(|info| (session, info))
    });
    let fetched: Vec<_> = stream::iter(fetching).buffer_unordered(AT_ONCE).collect().await;
    Answers {
        snapshot: Snapshot { asked, list, directories },
        readings,
        fetched: fetched.into_iter().flatten().collect(),
        unauthorized,
    }
}

/// The first inventory after a connect. Without it there is nothing to stand on.
pub async fn inventory(client: &Client, keep: usize) -> Result<SessionList, ClientError> {
    client.all_sessions(keep).await
}

pub async fn directories(client: &Client, directories: Vec<String>) -> Vec<DirectoryState> {
    let asking = directories.into_iter().map(|directory| async move {
        // The first question boots the instance; the others would wait for the same.
        let statuses = good(client.statuses(&directory).await, &mut None);
        let (permissions, questions) = match statuses {
            Some(_) => futures::join!(client.permissions(&directory), client.questions(&directory)),
            None => return DirectoryState { directory, statuses, permissions: None, questions: None },
        };
        let permissions = good(permissions, &mut None);
        let questions = good(questions, &mut None);
        DirectoryState { directory, statuses, permissions, questions }
    });
    stream::iter(asking).buffer_unordered(AT_ONCE).collect().await
}

pub async fn readings(client: &Client, sessions: Vec<(String, String)>, asked: Moment) -> Vec<Reading> {
    let reading = sessions.into_iter().map(|(session, directory)| async move {
        let (messages, todo) =
            futures::join!(client.messages(&session, &directory), client.todo(&session, &directory));
        let messages = good(messages, &mut None)?;
        Some(Reading { asked, session, messages, todo: good(todo, &mut None) })
    });
    let readings: Vec<_> = stream::iter(reading).buffer_unordered(AT_ONCE).collect().await;
    readings.into_iter().flatten().collect()
}

/// The answer, or nothing: it is asked again with the next round, and the client counted it.
fn good<T>(answer: Result<T, ClientError>, unauthorized: &mut Option<ClientError>) -> Option<T> {
    match answer {
        Ok(answer) => Some(answer),
        Err(error) => {
            tracing::debug!(%error, "a question to an OpenCode server failed");
            if matches!(error, ClientError::Unauthorized { .. }) {
                *unauthorized = Some(error);
            }
            None
        }
    }
}
