#!/bin/bash
# Sets up an agent on a new Amazon Linux 2023 host. Use it as EC2 user data: set
# the variables below, and give the host an instance profile that may read the
# token's parameter. infra/fleet.yaml sets them itself.
ERRAND_SERVER=https://errand.example              # the stack's output Url
ERRAND_TOKEN_PARAMETER=/errand/agent-token        # SSM parameter (SecureString) with an agent token
ERRAND_URL=https://example.com/errand-linux-arm64 # or s3://bucket/key: the program for this architecture
ERRAND_SHA256=                                    # of the program, in hex
ERRAND_ARGS="--jobs 1"                            # more flags for errand agent
ERRAND_GROUP=                                     # Auto Scaling group with a lifecycle hook "drain"; empty: none
# The rest is the same in infra/fleet.yaml.
set -euo pipefail
imds() {
  curl -sf -H "X-aws-ec2-metadata-token: $(curl -sf -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' http://169.254.169.254/latest/api/token)" "http://169.254.169.254/latest/$1"
}
AWS_REGION=$(imds meta-data/placement/region)
export AWS_REGION
id errand >/dev/null 2>&1 || useradd --system --create-home --home-dir /var/lib/errand --shell /usr/sbin/nologin errand
case $ERRAND_URL in
  s3://*) aws s3 cp --only-show-errors "$ERRAND_URL" /usr/local/bin/errand.new ;;
  *) curl -fsSL --retry 5 -o /usr/local/bin/errand.new "$ERRAND_URL" ;;
esac
echo "$ERRAND_SHA256  /usr/local/bin/errand.new" | sha256sum --check --quiet
chmod 755 /usr/local/bin/errand.new
mv /usr/local/bin/errand.new /usr/local/bin/errand

install -d -m 750 -g errand /etc/errand
install -m 640 -g errand /dev/null /etc/errand/agent.token
aws ssm get-parameter --name "$ERRAND_TOKEN_PARAMETER" --with-decryption --query Parameter.Value --output text >/etc/errand/agent.token
cat >/etc/errand/agent.env <<END
ERRAND_SERVER=$ERRAND_SERVER
ERRAND_TOKEN_FILE=/etc/errand/agent.token
ERRAND_ARGS=$ERRAND_ARGS
END
cat >/etc/systemd/system/errand-agent.service <<'END'
[Unit]
Description=Errand agent: runs the jobs of an Errand server
Documentation=https://github.com/errandhq/errand
Wants=network-online.target
After=network-online.target

# agent.env sets ERRAND_SERVER, ERRAND_TOKEN_FILE and optionally ERRAND_ARGS:
# more flags, such as --jobs 4 --queue gpu.
[Service]
User=errand
EnvironmentFile=/etc/errand/agent.env
StateDirectory=errand
ExecStart=/usr/local/bin/errand agent --data /var/lib/errand $ERRAND_ARGS
Restart=always
RestartSec=1
# One SIGTERM drains the agent: it takes no more jobs and finishes those that are
# running, however long they take. KillMode=process keeps the signal from the
# jobs' supervisors and processes, which outlive the agent: if it crashes or is
# killed for an upgrade, the next one takes the jobs over.
KillMode=process
TimeoutStopSec=infinity
# When a job uses up the memory, only it is killed, not the agent.
OOMPolicy=continue
# The agent limits jobs by control groups of its own. This requires systemd 254.
Delegate=cpu memory pids
DelegateSubgroup=agent

[Install]
WantedBy=multi-user.target
END
if [ -n "$ERRAND_GROUP" ]; then
  # When Auto Scaling terminates this host, the agent drains first. Heartbeats
  # keep the lifecycle hook from timing out meanwhile.
  cat >/usr/local/sbin/errand-drain <<'END'
#!/bin/bash
set -u
imds() {
  curl -sf -H "X-aws-ec2-metadata-token: $(curl -sf -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' http://169.254.169.254/latest/api/token)" "http://169.254.169.254/latest/$1"
}
INSTANCE=$(imds meta-data/instance-id)
until [ "$(imds meta-data/autoscaling/target-lifecycle-state)" = Terminated ]; do sleep 5; done
systemctl stop --no-block errand-agent
while state=$(systemctl show --property ActiveState --value errand-agent); [ "$state" != inactive ] && [ "$state" != failed ]; do
  aws autoscaling record-lifecycle-action-heartbeat --auto-scaling-group-name "$ERRAND_GROUP" --lifecycle-hook-name drain --instance-id "$INSTANCE"
  sleep 20
done
aws autoscaling complete-lifecycle-action --auto-scaling-group-name "$ERRAND_GROUP" --lifecycle-hook-name drain --instance-id "$INSTANCE" --lifecycle-action-result CONTINUE
END
  chmod 755 /usr/local/sbin/errand-drain
  cat >/etc/systemd/system/errand-drain.service <<END
[Unit]
Description=Let the Errand agent finish before Auto Scaling ends this host
After=network-online.target

[Service]
Environment=AWS_REGION=$AWS_REGION ERRAND_GROUP=$ERRAND_GROUP
ExecStart=/usr/local/sbin/errand-drain
Restart=on-failure
RestartSec=5

[Install]
WantedBy=multi-user.target
END
  systemctl daemon-reload
  systemctl enable --now errand-drain
fi
systemctl daemon-reload
systemctl enable --now errand-agent
