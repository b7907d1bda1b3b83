//! A small server that speaks OpenCode's dialect, well or badly, as the test says.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// How it behaves.
#[derive(Clone, Debug, PartialEq)]
pub enum Manner {
    Well,
    Html,
    ServerError,
    /// Wants this `Authorization` header.
    Auth(&'static str),
    /// Accepts connections and says nothing.
    Mute,
}

#[derive(Debug)]
pub struct Content {
    pub manner: Manner,
    pub heartbeats: bool,
    /// So many streams are accepted and never served.
    pub orphans: u32,
    /// Told on a new stream before anything else is answered.
    pub first_events: Vec<Value>,
    /// Told soon, once.
    pub news: Vec<Value>,
    pub sessions: Vec<Value>,
    pub statuses: Value,
    pub permissions: Value,
    pub messages: HashMap<String, Value>,
    pub streams: u32,
    /// Method, path and body of what was not read-only.
    pub commands: Vec<String>,
}

pub struct Stand {
    pub port: u16,
    pub content: Arc<Mutex<Content>>,
    tasks: Option<JoinSet<()>>,
}

pub fn session(id: &str) -> Value {
    let now = runtime::SystemClock::shared().now().as_millis();
    json!({"id": id, "title": id, "directory": "/d", "time": {"created": now, "updated": now}})
}

pub fn event(kind: &str, properties: Value) -> Value {
    json!({"directory": "/d", "payload": {"type": kind, "properties": properties}})
}

impl Stand {
    pub async fn open() -> Self {
        let content = Content {
            manner: Manner::Well,
            heartbeats: true,
            orphans: 0,
            first_events: Vec::new(),
            news: Vec::new(),
            sessions: Vec::new(),
            statuses: json!({}),
            permissions: json!([]),
            messages: HashMap::new(),
            streams: 0,
            commands: Vec::new(),
        };
        let mut stand = Self { port: 0, content: Arc::new(Mutex::new(content)), tasks: None };
        stand.start().await;
        stand
    }

    /// Also after [`Stand::die`], at the same address.
    pub async fn start(&mut self) {
        let listener = TcpListener::bind(("127.0.0.1", self.port)).await.unwrap();
        self.port = listener.local_addr().unwrap().port();
        let content = self.content.clone();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((socket, _)) = listener.accept().await {
                connections.spawn(serve(socket, content.clone()));
            }
        });
        self.tasks = Some(tasks);
    }

    /// As if killed: the port is closed and every connection with it.
    pub async fn die(&mut self) {
        if let Some(mut tasks) = self.tasks.take() {
            tasks.shutdown().await;
        }
    }

    pub fn set(&self, change: impl FnOnce(&mut Content)) {
        change(&mut self.content.lock());
    }
}

async fn serve(mut socket: TcpStream, content: Arc<Mutex<Content>>) {
    let Some((head, body)) = read_request(&mut socket).await else { return };
    let line = head.lines().next().unwrap_or_default().to_owned();
    let mut words = line.split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let path = target.split('?').next().unwrap_or_default();
    let manner = content.lock().manner.clone();
    let (status, kind, body) = match manner {
        Manner::Mute => return std::future::pending().await,
        Manner::Html => ("200 OK", "text/html", "<!doctype html>".to_owned()),
        Manner::ServerError => {
            let body = json!({"name": "UnknownError", "data": {"message": "broken"}});
            ("500 Internal Server Error", "application/json", body.to_string())
        }
        Manner::Auth(expected) if !head.to_lowercase().contains(&expected.to_lowercase()) => {
            ("401 Unauthorized", "text/plain", String::new())
        }
        _ if path == "/global/event" => return stream(socket, content).await,
        _ if method == "POST" => {
            content.lock().commands.push(format!("{method} {path} {body}"));
            ("200 OK", "application/json", "true".to_owned())
        }
        _ => match answer(path, &content.lock()) {
            Some(value) => ("200 OK", "application/json", value.to_string()),
            None => ("404 Not Found", "application/json", json!({"name": "NotFoundError"}).to_string()),
        },
    };
    let length = body.len();
    let head = format!("HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n");
    // The other side may be gone.
    let _ = socket.write_all(format!("{head}connection: close\r\n\r\n{body}").as_bytes()).await;
}

async fn read_request(socket: &mut TcpStream) -> Option<(String, String)> {
    let mut bytes = Vec::new();
    loop {
        let mut chunk = [0; 4096];
        let read = socket.read(&mut chunk).await.ok().filter(|read| *read > 0)?;
        bytes.extend_from_slice(&chunk[..read]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
        });
        if body.len() >= length.unwrap_or(0) {
            return Some((head.to_owned(), body.to_owned()));
        }
    }
}

fn answer(path: &str, content: &Content) -> Option<Value> {
    let session = |id: &str| content.sessions.iter().find(|session| session["id"] == id).cloned();
    match path {
        "/global/health" => Some(json!({"healthy": true, "version": "1.2.3"})),
        "/experimental/session" => Some(Value::Array(content.sessions.clone())),
        "/project" | "/question" => Some(json!([])),
        "/session/status" => Some(content.statuses.clone()),
        "/permission" => Some(content.permissions.clone()),
        _ => {
            let rest = path.strip_prefix("/session/")?;
            match rest.split_once('/') {
                None => session(rest),
                Some((id, "message")) => Some(content.messages.get(id).cloned().unwrap_or_else(|| json!([]))),
                Some((_, "todo")) => Some(json!([])),
                Some(_) => None,
            }
        }
    }
}

async fn stream(mut socket: TcpStream, content: Arc<Mutex<Content>>) {
    let (is_orphan, first) = {
        let mut content = content.lock();
        content.streams += 1;
        let is_orphan = content.orphans > 0;
        content.orphans = content.orphans.saturating_sub(1);
        (is_orphan, content.first_events.clone())
    };
    if is_orphan {
        std::future::pending::<()>().await;
    }
    let mut opening =
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n".to_owned();
    for event in std::iter::once(json!({"payload": {"type": "server.connected"}})).chain(first) {
        opening.push_str(&format!("data: {event}\n\n"));
    }
    let mut alive = socket.write_all(opening.as_bytes()).await.is_ok();
    let heartbeat = format!("data: {}\n\n", json!({"payload": {"type": "server.heartbeat"}}));
    let clock = runtime::SystemClock::shared();
    while alive {
        clock.sleep(Duration::from_millis(50)).await;
        let (beats, news) = {
            let mut content = content.lock();
            (content.heartbeats, std::mem::take(&mut content.news))
        };
        // In one piece, so that one reading finds them all.
        let news: String = news.iter().map(|event| format!("data: {event}\n\n")).collect();
        alive &= socket.write_all(news.as_bytes()).await.is_ok();
        alive &= !beats || socket.write_all(heartbeat.as_bytes()).await.is_ok();
    }
}
