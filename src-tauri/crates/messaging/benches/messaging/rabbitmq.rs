//! A RabbitMQ of our own with its AMQP 1.0 plugin, ended when it is dropped.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tokio::net::TcpStream;

const PROGRAM: &str = "/usr/lib/rabbitmq/bin/rabbitmq-server";

pub struct RabbitMq {
    child: Child,
    pub port: u16,
    names: u16,
    _folder: tempfile::TempDir,
}

impl RabbitMq {
    /// `None` where it is not installed.
    pub async fn start() -> Option<Self> {
        if !Path::new(PROGRAM).exists() {
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path();
        let plugins = at.join("plugins");
        std::fs::write(&plugins, "[rabbitmq_amqp1_0].").unwrap();
        std::fs::write(at.join("rabbitmq.conf"), "loopback_users = none\n").unwrap();
        let (port, between, names) = (free_port(), free_port(), free_port());
        let mut command = Command::new(PROGRAM);
        command
            .env("HOME", at)
            .env("RABBITMQ_NODENAME", format!("bench{port}@localhost"))
            .env("RABBITMQ_NODE_IP_ADDRESS", "127.0.0.1")
            .env("RABBITMQ_NODE_PORT", port.to_string())
            .env("RABBITMQ_DIST_PORT", between.to_string())
            .env("ERL_EPMD_ADDRESS", "127.0.0.1")
            .env("ERL_EPMD_PORT", names.to_string())
            .env("RABBITMQ_MNESIA_BASE", at.join("mnesia"))
            .env("RABBITMQ_LOG_BASE", at.join("log"))
            .env("RABBITMQ_ENABLED_PLUGINS_FILE", plugins)
            .env("RABBITMQ_PID_FILE", at.join("pid"))
            .env("RABBITMQ_CONFIG_FILE", at.join("rabbitmq"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let broker = Self { child: command.spawn().unwrap(), port, names, _folder: folder };
        for _ in 0..600 {
            if TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
                // It listens a moment before its plugins are all there.
                tokio::time::sleep(Duration::from_secs(3)).await;
                return Some(broker);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("RabbitMQ does not listen");
    }
}

impl Drop for RabbitMq {
    fn drop(&mut self) {
        // The script ends the broker where it is told to end itself.
        let run = |program: &str, arguments: &[&str]| {
            let quiet = Command::new(program).args(arguments).stdout(Stdio::null()).status();
            quiet.is_ok_and(|status| status.success())
        };
        if run("kill", &["-TERM", &self.child.id().to_string()]) {
            let _ = self.child.wait();
        }
        run("epmd", &["-port", &self.names.to_string(), "-kill"]);
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
