//! Events of the streams.

use model::{AgentError, Timestamp, Todo};
use serde_json::Value;

use super::{Message, Part, PermissionRequest, QuestionRequest, SessionInfo, Status, error, text, todo};

/// An event with what is written around it.
#[derive(Clone, Debug, PartialEq)]
pub struct Envelope {
    pub id: Option<String>,
    pub directory: Option<String>,
    pub event: Event,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    Connected,
    Heartbeat,
    Session(Box<SessionInfo>),
    SessionDeleted {
        session: String,
    },
    Status {
        session: String,
        status: Status,
    },
    /// Without a session it concerns the whole server.
    Error {
        session: Option<String>,
        error: AgentError,
    },
    Message(Box<Message>),
    Part(Box<Part>),
    /// A piece of text from the model.
    Delta {
        session: String,
        part: String,
    },
    Todo {
        session: String,
        todo: Todo,
    },
    Permission(PermissionRequest),
    Question(QuestionRequest),
    /// A permission or a question was answered.
    Answered {
        session: String,
        request: String,
    },
    FileEdited,
    Compacted {
        session: String,
    },
    /// The instance of a directory ended; its sessions were stopped.
    InstanceDisposed {
        directory: String,
    },
    /// Each lasting event comes a second time in this form, with the same id.
    Sync,
    /// Of no interest, or not known to us.
    Other,
}

/// Reads the text after `data:`, of `/global/event` or of `/event`. `received` dates errors.
pub fn decode(data: &[u8], received: Timestamp) -> Result<Envelope, String> {
    let value: Value = serde_json::from_slice(data).map_err(|error| error.to_string())?;
    let payload = if value["payload"].is_object() { &value["payload"] } else { &value };
    let Some(kind) = payload["type"].as_str() else {
        return Err("an event without a type".to_owned());
    };
    let event = read(kind, &payload["properties"], received)
        .ok_or_else(|| format!("an event `{kind}` without its ids"))?;
    Ok(Envelope { id: text(payload, "id"), directory: text(&value, "directory"), event })
}

/// `None` when what identifies the subject is missing.
fn read(kind: &str, properties: &Value, received: Timestamp) -> Option<Event> {
    let session = || text(properties, "sessionID");
    let event = match kind {
        "server.connected" => Event::Connected,
        "server.heartbeat" => Event::Heartbeat,
        "sync" => Event::Sync,
        "session.created" | "session.updated" => {
            Event::Session(Box::new(SessionInfo::read(&properties["info"])?))
        }
        "session.deleted" => {
            Event::SessionDeleted { session: text(&properties["info"], "id").or_else(session)? }
        }
        "session.status" => {
            Event::Status { session: session()?, status: Status::read(&properties["status"])? }
        }
        "session.idle" => Event::Status { session: session()?, status: Status::Idle },
        "session.error" => Event::Error { session: session(), error: error(&properties["error"], received)? },
        "message.updated" => Event::Message(Box::new(Message::read(&properties["info"])?)),
        "message.part.updated" => Event::Part(Box::new(Part::read(&properties["part"])?)),
        "message.part.delta" => Event::Delta { session: session()?, part: text(properties, "partID")? },
        "todo.updated" => Event::Todo { session: session()?, todo: todo(&properties["todos"]) },
        "permission.asked" => Event::Permission(PermissionRequest::read(properties)?),
        "question.asked" => Event::Question(QuestionRequest::read(properties)?),
        "permission.replied" | "question.replied" | "question.rejected" => {
            Event::Answered { session: session()?, request: text(properties, "requestID")? }
        }
        "file.edited" => Event::FileEdited,
        "session.compacted" => Event::Compacted { session: session()? },
        "server.instance.disposed" => Event::InstanceDisposed { directory: text(properties, "directory")? },
        _ => Event::Other,
    };
    Some(event)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(data: &str, expected: Event) {
        assert_eq!(decode(data.as_bytes(), Timestamp::default()).unwrap().event, expected);
    }

    #[test]
    fn both_streams_are_understood() {
        let busy = Event::Status { session: "ses_1".into(), status: Status::Busy };
        check(
            r#"{"id":"evt_1","type":"session.status","properties":{"sessionID":"ses_1","status":{"type":"busy"}}}"#,
            busy.clone(),
        );
        check(
            r#"{"directory":"/d","payload":{"id":"evt_1","type":"session.status","properties":{"sessionID":"ses_1","status":{"type":"busy"}}}}"#,
            busy,
        );
    }

    #[test]
    fn what_is_not_known_is_no_error() {
        check(r#"{"payload":{"type":"brand.new","properties":[1,2]}}"#, Event::Other);
        check(
            r#"{"payload":{"type":"session.status","properties":{"sessionID":"s","status":{"type":"pondering"}}}}"#,
            Event::Status { session: "s".into(), status: Status::Busy },
        );
    }

    #[test]
    fn fields_of_another_type_cost_only_themselves() {
        let data = r#"{"type":"session.updated","properties":{"info":{"id":"ses_1","title":7,"cost":"a lot","tokens":null,"time":{"created":1.5e3}}}}"#;
        let expected = SessionInfo {
            id: "ses_1".into(),
            created: Timestamp::from_millis(1500),
            updated: Timestamp::from_millis(1500),
            ..SessionInfo::default()
        };
        check(data, Event::Session(Box::new(expected)));
    }

    #[test]
    fn an_event_without_its_session_is_refused_and_not_guessed() {
        for data in ["", "{", "[]", "null", r#"{"type":5}"#, r#"{"type":"session.status","properties":{}}"#] {
            assert!(decode(data.as_bytes(), Timestamp::default()).is_err(), "{data}");
        }
    }
}
