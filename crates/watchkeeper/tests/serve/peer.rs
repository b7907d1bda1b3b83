//! A real Prometheus beside the binary, where it is installed.

use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};

use crate::program::Home;

/// Where Debian puts it; none when it is not there, which the test says.
#[allow(clippy::print_stderr, reason = "a test that is skipped must say so")]
pub fn installed(name: &str) -> Option<String> {
    let path = format!("/usr/bin/{name}");
    let is_there = std::path::Path::new(&path).exists();
    if !is_there {
        eprintln!("skipped: {path} is not installed");
    }
    is_there.then_some(path)
}

/// Killed when it is dropped.
pub struct Prometheus {
    pub address: SocketAddr,
    child: Child,
}

impl Prometheus {
    /// With this configuration, in which `SELF` stands for its own address.
    pub fn start(home: &Home, config: &str) -> Option<Self> {
        let program = installed("prometheus")?;
        let address = free_address();
        let config = config.replace("SELF", &address.to_string());
        std::fs::write(home.path().join("theirs.yml"), config).unwrap();
        let mut command = Command::new(program);
        command
            .args(["--config.file=theirs.yml", "--storage.tsdb.path=theirs"])
            .arg(format!("--web.listen-address={address}"))
            .current_dir(home.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        Some(Self { address, child: command.spawn().unwrap() })
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}
