#!/bin/sh
set -eu
# If the cluster requires authentication: ADMIN='--command-config admin.properties'
kafka-topics.sh --bootstrap-server kafka-1:9092,kafka-2:9092 ${ADMIN:-} --create --if-not-exists --topic justcall.Rest --partitions 6 --replication-factor 3 --config min.insync.replicas=2 --config retention.ms=604800000
kafka-topics.sh --bootstrap-server kafka-1:9092,kafka-2:9092 ${ADMIN:-} --create --if-not-exists --topic justcall.calls --partitions 6 --replication-factor 3 --config min.insync.replicas=2 --config retention.ms=604800000
kafka-topics.sh --bootstrap-server kafka-1:9092,kafka-2:9092 ${ADMIN:-} --create --if-not-exists --topic justcall.dead-letter --partitions 6 --replication-factor 3 --config min.insync.replicas=2 --config retention.ms=604800000
kafka-topics.sh --bootstrap-server kafka-1:9092,kafka-2:9092 ${ADMIN:-} --create --if-not-exists --topic justcall.sms_events --partitions 6 --replication-factor 3 --config min.insync.replicas=2 --config retention.ms=604800000
# The least rights on each topic:
#   serve                Create, Write
#   check                Describe, DescribeConfigs
# With topics.create_missing: false, serve and replays need no Create.
# check reads the brokers' configuration too: DescribeConfigs on the cluster.
# Write, Read and Alter imply Describe, and AlterConfigs implies DescribeConfigs.
# Kafka before 3.0 also requires IdempotentWrite on the cluster for serve.
kafka-acls.sh --bootstrap-server kafka-1:9092,kafka-2:9092 ${ADMIN:-} --add --allow-principal 'User:a bridge' --operation Create --operation DescribeConfigs --operation Write --topic justcall.Rest
kafka-acls.sh --bootstrap-server kafka-1:9092,kafka-2:9092 ${ADMIN:-} --add --allow-principal 'User:a bridge' --operation Create --operation DescribeConfigs --operation Write --topic justcall.calls
kafka-acls.sh --bootstrap-server kafka-1:9092,kafka-2:9092 ${ADMIN:-} --add --allow-principal 'User:a bridge' --operation Create --operation DescribeConfigs --operation Write --topic justcall.dead-letter
kafka-acls.sh --bootstrap-server kafka-1:9092,kafka-2:9092 ${ADMIN:-} --add --allow-principal 'User:a bridge' --operation Create --operation DescribeConfigs --operation Write --topic justcall.sms_events
kafka-acls.sh --bootstrap-server kafka-1:9092,kafka-2:9092 ${ADMIN:-} --add --allow-principal 'User:a bridge' --operation DescribeConfigs --cluster
