// Validates resources, lines of JSON, by the schemas of their operators.
import { PrometheusRule, ServiceMonitor } from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1';
import { HTTPRoute } from '@kubernetes-models/gateway-api/gateway.networking.k8s.io/v1';
import { ExternalSecret } from '@kubernetes-models/external-secrets/external-secrets.io/v1';
import { createInterface } from 'node:readline';

const known = { ExternalSecret, HTTPRoute, PrometheusRule, ServiceMonitor };

for await (const line of createInterface({ input: process.stdin })) {
  const document = JSON.parse(line);
  const model = new known[document.kind](document);
  const { apiVersion } = new known[document.kind]();
  if (apiVersion !== document.apiVersion) throw new Error(`${document.kind}: ${document.apiVersion} is not ${apiVersion}`);
  model.validate();
}
