//! Connections that runs made through the egress gateway.

use crate::support::{Home, home};
use sortie_store::{Claim, EgressUsed, NewEgressConnection, StoreError};

async fn connection(home: &Home, claim: &Claim, host: &str, down: u64) -> u64 {
    let new = NewEgressConnection {
        job: claim.job.id,
        run: claim.run.id,
        method: "CONNECT".into(),
        host: host.into(),
        port: 443,
        address: Some("192.0.2.1".into()),
        outcome: "closed".into(),
        reason: None,
        detail: None,
        up_bytes: 10,
        down_bytes: down,
        elapsed_ms: 5,
    };
    home.store.record_egress(new).await.unwrap()
}

#[tokio::test]
async fn a_connection_counts_from_its_beginning_and_has_one_row() {
    let home = home().await;
    let claim = home.executing().await;
    let store = &home.store;
    let id = connection(&home, &claim, "a.example", 0).await;
    let mut row = store
        .egress_connections(claim.job.id, None, 10)
        .await
        .unwrap();
    let mut end = row.remove(0).connection;
    assert_eq!(
        store.egress_used(claim.run.id).await.unwrap().connections,
        1
    );
    end.outcome = "cut".into();
    end.reason = Some("bytes-down".into());
    end.up_bytes = 7;
    end.down_bytes = 70;
    store.end_egress(id, end.clone()).await.unwrap();
    let rows = store
        .egress_connections(claim.job.id, None, 10)
        .await
        .unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!((rows[0].id, &rows[0].connection), (id, &end));
    let used = store.egress_used(claim.run.id).await.unwrap();
    assert_eq!(
        used,
        EgressUsed {
            connections: 1,
            up_bytes: 7,
            down_bytes: 70
        }
    );
    let missing = store.end_egress(id + 1, end).await;
    assert!(
        matches!(missing, Err(StoreError::NotFound { .. })),
        "{missing:?}"
    );
}

#[tokio::test]
async fn connections_add_up_per_run_and_are_read_by_pages() {
    let home = home().await;
    let claim = home.executing().await;
    let mut ids = Vec::new();
    for n in 0..5 {
        ids.push(connection(&home, &claim, &format!("h{n}.example"), 100).await);
    }
    let used = home.store.egress_used(claim.run.id).await.unwrap();
    assert_eq!(
        used,
        EgressUsed {
            connections: 5,
            up_bytes: 50,
            down_bytes: 500
        }
    );
    let page = home
        .store
        .egress_connections(claim.job.id, None, 2)
        .await
        .unwrap();
    let hosts: Vec<&str> = page
        .iter()
        .map(|row| row.connection.host.as_str())
        .collect();
    assert_eq!(hosts, ["h4.example", "h3.example"]);
    let next = home
        .store
        .egress_connections(claim.job.id, Some(page[1].id), 10)
        .await
        .unwrap();
    assert_eq!(next.len(), 3);
    assert_eq!(next[0].id, ids[2]);
    // A row is written also when the run is over by then.
    home.store.cancel(claim.job.id, "ann", "cli").await.unwrap();
    connection(&home, &claim, "late.example", 1).await;
    assert_eq!(
        home.store
            .egress_used(claim.run.id)
            .await
            .unwrap()
            .connections,
        6
    );
}
