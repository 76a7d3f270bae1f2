//! Values of the arguments of `topics export`, with their help.

use crate::topics::{ApiVersion, Authentication, ExportFormat, Purpose};
use clap::ValueEnum;
use clap::builder::PossibleValue;

fn value(name: &'static str, help: &'static str) -> Option<PossibleValue> {
    Some(PossibleValue::new(name).help(help))
}

impl ValueEnum for ExportFormat {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Strimzi, Self::KafkaTopics]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        match self {
            Self::Strimzi => value("strimzi", "KafkaTopic and KafkaUser resources for the Strimzi operator"),
            Self::KafkaTopics => value("kafka-topics", "A shell script of Kafka's own commands"),
        }
    }
}

impl ValueEnum for Purpose {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Serve, Self::Check, Self::Plan, Self::Apply, Self::Tail, Self::Replay]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        match self {
            Self::Serve => value("serve", "`serve`"),
            Self::Check => value("check", "`check`"),
            Self::Plan => value("plan", "`topics plan`"),
            Self::Apply => value("apply", "`topics apply`"),
            Self::Tail => value("tail", "`tail`, and looking at dead letters"),
            Self::Replay => value("replay", "`dead-letters replay` and `replay`"),
        }
    }
}

impl ValueEnum for Authentication {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::ScramSha512, Self::Tls, Self::TlsExternal]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        match self {
            Self::ScramSha512 => value("scram-sha-512", "A password: `sasl.mechanism: SCRAM-SHA-512`"),
            Self::Tls => value("tls", "A client certificate that Strimzi issues"),
            Self::TlsExternal => value("tls-external", "A client certificate from elsewhere"),
        }
    }
}

impl ValueEnum for ApiVersion {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::V1, Self::V1beta2]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        match self {
            Self::V1 => value("v1", "Strimzi 0.49 and newer"),
            Self::V1beta2 => value("v1beta2", "Strimzi before 1.0"),
        }
    }
}
