//! Baseline of the benchmarks: an actix-web handler that produces each body and answers 200 once Kafka acknowledges it.
//!
//! It does not parse, validate, route, deduplicate or count. `--headers` adds as many bytes as the bridge's headers. A
//! counter selects topic and key. The producer is configured as the bridge's: `acks=all`, idempotent, `murmur2_random`.
//!
//! `cargo run --release --example floor -- --bootstrap localhost:9092 --topics a,b,c`

use actix_web::web::{Bytes, Data, PayloadConfig, post};
use actix_web::{App, HttpResponse, HttpServer};
use clap::Parser;
use futures_util::future::try_join_all;
use rdkafka::ClientConfig;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};
use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

#[derive(Parser)]
struct Args {
    /// Address of the listener
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: String,
    /// Kafka's `host:port`
    #[arg(long)]
    bootstrap: String,
    /// Existing topics, used in turn
    #[arg(long, value_delimiter = ',', required = true)]
    topics: Vec<String>,
    /// Records for each request, one a topic
    #[arg(long, default_value_t = 1)]
    fan_out: usize,
    /// Add headers to each record, with the names and lengths of the bridge's
    #[arg(long)]
    headers: bool,
    /// Milliseconds that a record waits for others of its batch
    #[arg(long, default_value = "1")]
    linger_ms: String,
    /// Threads that serve connections
    #[arg(long, default_value_t = 2)]
    workers: usize,
}

struct Floor {
    producer: FutureProducer,
    topics: Vec<String>,
    fan_out: usize,
    headers: bool,
    next: AtomicUsize,
}

const HEADERS: [(&str, &str); 8] = [
    ("ce_specversion", "1.0"),
    ("ce_id", "6d9c2e4f8a1b3d5c7e9f0a2b4c6d8e1f"),
    ("ce_source", "/justcall/main"),
    ("ce_type", "call.completed"),
    ("ce_time", "2026-03-12T14:30:00Z"),
    ("ce_subject", "call_123456"),
    ("ce_dialect", "documented"),
    ("content-type", "application/json"),
];

#[actix_web::main]
async fn main() -> std::io::Result<()> {
    let args = Args::parse();
    let producer = ClientConfig::new()
        .set("bootstrap.servers", &args.bootstrap)
        .set("acks", "all")
        .set("enable.idempotence", "true")
        .set("partitioner", "murmur2_random")
        .set("linger.ms", &args.linger_ms)
        .create()
        .map_err(std::io::Error::other)?;
    let Args { topics, fan_out, headers, .. } = args;
    let floor = Data::new(Floor { producer, topics, fan_out, headers, next: AtomicUsize::new(0) });
    let server = HttpServer::new(move || {
        App::new()
            .app_data(Data::clone(&floor))
            .app_data(PayloadConfig::new(1 << 20))
            .default_service(post().to(produce))
    });
    let server = server.workers(args.workers).bind(&args.listen)?;
    println!("floor on {}", server.addrs()[0]);
    std::io::stdout().flush()?;
    server.run().await
}

async fn produce(body: Bytes, floor: Data<Floor>) -> HttpResponse {
    let number = floor.next.fetch_add(1, Ordering::Relaxed);
    let produced = match floor.fan_out {
        1 => floor.produce(&body, number, number).await,
        copies => {
            try_join_all((0..copies).map(|copy| floor.produce(&body, number, number + copy))).await.map(drop)
        }
    };
    match produced {
        Ok(()) => HttpResponse::Ok().finish(),
        Err(Unacknowledged) => HttpResponse::ServiceUnavailable().finish(),
    }
}

struct Unacknowledged;

impl Floor {
    async fn produce(&self, body: &Bytes, number: usize, turn: usize) -> Result<(), Unacknowledged> {
        let topic = &self.topics[turn % self.topics.len()];
        let key = number.to_string();
        let mut record = FutureRecord::to(topic).key(&key).payload(&body[..]);
        if self.headers {
            let empty = OwnedHeaders::new_with_capacity(HEADERS.len());
            let headers = HEADERS.iter().map(|(key, value)| Header { key, value: Some(*value) });
            record = record.headers(headers.fold(empty, OwnedHeaders::insert));
        }
        let produced = self.producer.send(record, Duration::ZERO).await;
        produced.map(drop).map_err(|_| Unacknowledged)
    }
}
