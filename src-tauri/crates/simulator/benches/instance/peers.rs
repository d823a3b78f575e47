//! The disk's own fsync, and SQLite (WAL, synchronous FULL) updating a property of as many rows.

use crate::{Measured, STRIDE};
use rusqlite::{Connection, params};
use std::io::Write;
use std::time::Duration;

const ROWS: usize = crate::patches::ROOMS;

pub fn measure() {
    let folder = crate::folder();
    let mut file = std::fs::File::create(folder.path().join("fsync")).unwrap();
    Measured::repeat(Duration::from_millis(700), || {
        file.write_all(&[7; 4096]).unwrap();
        file.sync_data().unwrap();
    })
    .print("fsync of 4 KiB at the end of a file", 1);

    let mut sqlite = Connection::open(folder.path().join("plain.db")).unwrap();
    sqlite
        .execute_batch(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;
             CREATE TABLE twin(id INTEGER PRIMARY KEY, body TEXT)",
        )
        .unwrap();
    let body = r#"{"temperature":20.5,"setPoint":21.0,"mode":"heat"}"#.repeat(4);
    sqlite
        .execute("INSERT INTO twin WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i+1 FROM n WHERE i<?1) SELECT i, ?2 FROM n", params![ROWS as i64, body])
        .unwrap();
    let mut next = 0;
    let mut count = 0_u64;
    for (of, seconds) in [(1, 1), (500, 2)] {
        Measured::repeat(Duration::from_secs(seconds), || {
            let transaction = sqlite.transaction().unwrap();
            let mut update =
                transaction.prepare_cached("UPDATE twin SET body=?2 WHERE id=?1").unwrap();
            for _ in 0..of {
                next = (next + STRIDE) % ROWS;
                // A row that stays as it is, SQLite does not write.
                count += 1;
                update.execute(params![next as i64, format!("{count:08}{body}")]).unwrap();
            }
            drop(update);
            transaction.commit().unwrap();
        })
        .print(&format!("SQLite WAL FULL, {of} updates a transaction"), of);
    }
}
