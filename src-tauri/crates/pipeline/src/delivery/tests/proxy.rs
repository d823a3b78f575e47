//! Between an endpoint and its server: what can go wrong on the way.

use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Way {
    Open,
    /// Nothing comes through, and what was connected is cut.
    Down,
    /// Connections are accepted, and nothing is ever answered.
    Silent,
    /// Each piece takes so long.
    Slow(Duration),
    /// Connections break after some thousand bytes of answers or questions.
    Brittle,
}

/// A TCP proxy.
pub struct Proxy {
    pub port: u16,
    way: watch::Sender<Way>,
    _task: JoinSet<()>,
}

impl Proxy {
    pub async fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let own = listener.local_addr().unwrap().port();
        let (way, watched) = watch::channel(Way::Open);
        let mut task = JoinSet::new();
        task.spawn(async move {
            let mut all = JoinSet::new();
            let mut number = 0;
            while let Ok((near, _)) = listener.accept().await {
                all.spawn(carry(near, port, watched.clone(), number));
                number += 1;
            }
        });
        Self { port: own, way, _task: task }
    }

    pub fn set(&self, way: Way) {
        self.way.send_replace(way);
    }
}

async fn carry(near: TcpStream, port: u16, mut way: watch::Receiver<Way>, number: u64) {
    if *way.borrow() == Way::Down {
        return;
    }
    let Ok(far) = TcpStream::connect(("127.0.0.1", port)).await else { return };
    // Other connections break elsewhere; the same ones in every run.
    let most = 3_000 + number.wrapping_mul(0x9e37_79b9_7f4a_7c15) % 40_000;
    let (near_in, near_out) = near.into_split();
    let (far_in, far_out) = far.into_split();
    let there = pipe(near_in, far_out, way.clone(), most);
    let back = pipe(far_in, near_out, way.clone(), most);
    tokio::select! {
        _ = there => {}
        _ = back => {}
        _ = way.wait_for(|way| *way == Way::Down) => {}
    }
}

async fn pipe(
    mut from: impl AsyncReadExt + Unpin,
    mut to: impl AsyncWriteExt + Unpin,
    way: watch::Receiver<Way>,
    most: u64,
) {
    let mut piece = vec![0; 16_384];
    let mut carried = 0;
    while let Ok(read @ 1..) = from.read(&mut piece).await {
        let now = *way.borrow();
        match now {
            Way::Silent => std::future::pending().await,
            Way::Slow(pause) => tokio::time::sleep(pause).await,
            Way::Brittle if carried > most => return,
            _ => {}
        }
        carried += read as u64;
        if to.write_all(&piece[..read]).await.is_err() {
            return;
        }
    }
}
