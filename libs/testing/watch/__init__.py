"""What watches the hub: alerts and dashboards, written out for Prometheus and Grafana, and a Prometheus to try them on."""
