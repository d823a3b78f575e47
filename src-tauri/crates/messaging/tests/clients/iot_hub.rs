use crate::served::{RETRY, tls};
use crate::support::{device, eventually};
use journal::{Journal, Options};
use messaging::client::{Code, DeviceClient, Retry, Trust};
use messaging::iot_hub::{HubOptions, HubSecret, IotHub, NoEvents, Properties, Telemetry, serve};
use messaging::namespace::Namespace;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

#[tokio::test(flavor = "multi_thread")]
async fn a_device_sends_again_after_the_hub_was_away() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(folder.path(), Options::default()).unwrap();
    let secret = HubSecret::new("a secret of this test");
    let options = HubOptions { name: "hub".into(), max_connections: 10, secret };
    let opened = tokio::task::spawn_blocking(move || {
        let namespace = Namespace::open(&journal, "secret").unwrap();
        let endpoint = namespace.create_built_in_endpoint("hub", 1).unwrap();
        IotHub::open(&journal, options, endpoint, Arc::new(NoEvents)).unwrap()
    });
    let hub = opened.await.unwrap();
    hub.declare(&[device(0)].into()).await.unwrap();
    let (tls, pem) = tls();
    let start = async |port: u16| {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(serve(hub.clone(), listener, tls.clone(), async {
            drop(stopped.await);
        }));
        (port, stop, task)
    };
    let (port, stop, task) = start(0).await;
    let string = hub.connection_string(&device(0), "localhost").unwrap();
    let trust = Trust::Pem(pem);
    let mut client = DeviceClient::new(&string, Some(port), &trust, RETRY).unwrap();
    let properties = Properties::default();
    client.send("one", &properties).await.unwrap();
    drop(stop);
    task.await.unwrap();
    let (_, stop, task) = start(port).await;
    client.send("two", &properties).await.unwrap();
    let bodies = || {
        let partition = &hub.endpoint().partitions()[0];
        let read = partition.read_kept(0, 10).unwrap();
        let body = |event| Telemetry::of_event(event).unwrap().body;
        read.iter().map(|e| String::from_utf8_lossy(&body(e)).into_owned()).collect::<Vec<_>>()
    };
    eventually("both are kept", || (bodies() == ["one", "two"]).then_some(())).await;

    let wrong = string.replace("SharedAccessKey=", "SharedAccessKey=AAAA");
    let once = Retry { attempts: 1, ..RETRY };
    let mut other = DeviceClient::new(&wrong, Some(port), &trust, once).unwrap();
    let refused = other.send("x", &properties).await.unwrap_err();
    assert_eq!(refused.code, Code::Unauthorized, "{refused}");
    let mut system = DeviceClient::new(&string, Some(port), &Trust::System, once).unwrap();
    assert_eq!(system.send("x", &properties).await.unwrap_err().code, Code::Unreachable);
    let none = DeviceClient::new("HostName=h;DeviceId=d", None, &trust, once).err().unwrap();
    assert_eq!(none.code, Code::Settings, "{none}");
    client.disconnect().await;
    drop(stop);
    task.await.unwrap();
}
