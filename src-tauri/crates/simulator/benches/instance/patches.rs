//! Acknowledged durable patches in process.

use crate::{Measured, Measuring, STRIDE, building};
use adt_service::{Call, TwinService};
use journal::{Journal, Options};
use simulator::{Instance, InstanceOptions};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use twin_graph::{Operation, OperationKind, Origin};

/// Each with its thermostat: 100,000 twins.
pub const ROOMS: usize = 50_000;
const TIME: Duration = Duration::from_secs(3);

pub fn open(folder: &Path) -> Arc<Instance> {
    let journal = Journal::open(folder, Options::default()).unwrap();
    Arc::new(Instance::open(journal, InstanceOptions::default()).unwrap())
}

/// Puts twins `0..count`, and each room's relationship, with `clients` at once.
pub async fn fill(instance: &Arc<Instance>, count: usize, clients: usize) {
    let call = Call::new(Origin::App);
    instance.create_models(&call, building::models()).await.unwrap();
    let each = |clients: usize, client: usize, of: usize| (client..of).step_by(clients);
    let puts = (0..clients).map(|client| {
        let (instance, call) = (instance.clone(), call.clone());
        tokio::spawn(async move {
            for number in each(clients, client, count) {
                let (id, body) = building::twin(number);
                instance.put_twin(&call, &id, body, false).await.unwrap();
            }
        })
    });
    for put in puts.collect::<Vec<_>>() {
        put.await.unwrap();
    }
    let relates = (0..clients).map(|client| {
        let (instance, call) = (instance.clone(), call.clone());
        tokio::spawn(async move {
            for room in each(clients, client, count / 2) {
                instance
                    .put_relationship(&call, building::relationship(room), false)
                    .await
                    .unwrap();
            }
        })
    });
    for relate in relates.collect::<Vec<_>>() {
        relate.await.unwrap();
    }
}

/// Patches of the temperature by `clients` for a while; each waits for its acknowledgement.
pub async fn patch(
    instance: &Arc<Instance>,
    clients: usize,
    rooms: usize,
    time: Duration,
) -> Measured {
    let measuring = Measuring::begin();
    let start = measuring.start;
    let tasks: Vec<_> = (0..clients)
        .map(|client| {
            let instance = instance.clone();
            tokio::spawn(async move {
                let (mut room, mut each) = (client, Vec::new());
                while start.elapsed() < time {
                    room = (room + STRIDE) % rooms;
                    let begun = Instant::now();
                    let patch = vec![Operation {
                        op: OperationKind::Replace,
                        path: "/temperature".into(),
                        value: Some((15.0 + each.len() as f64 % 100.0 / 10.0).into()),
                    }];
                    let call = Call::new(Origin::App);
                    let id = building::thermostat(room);
                    instance.patch_twin(&call, &id, patch, None).await.unwrap();
                    each.push(begun.elapsed());
                }
                each
            })
        })
        .collect();
    let mut each = Vec::new();
    for task in tasks {
        each.extend(task.await.unwrap());
    }
    measuring.end(each)
}

pub async fn measure() {
    let folder = crate::folder();
    let instance = open(folder.path());
    fill(&instance, ROOMS * 2, 512).await;
    for clients in [1, 32, 256, 1_024, 4_096] {
        let name = format!("durable patches in process, {clients} clients");
        patch(&instance, clients, ROOMS, TIME).await.print(&name, 1);
    }
}
