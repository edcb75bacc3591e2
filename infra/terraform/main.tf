# The control plane, and a fleet of agents, for those who keep their
# infrastructure in Terraform or OpenTofu. The templates stay the one description
# of both; CloudFormation applies them. docs/deployment.md says how the packaged
# template comes about (make package).

terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
  }
}

resource "aws_cloudformation_stack" "errand" {
  name         = var.name
  template_url = var.template_url
  parameters   = var.parameters
  capabilities = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]

  timeout_in_minutes = 30
}

resource "aws_cloudformation_stack" "agents" {
  count = var.agents == null ? 0 : 1

  name          = "${var.name}-agents"
  template_body = file("${path.module}/../fleet.yaml")
  capabilities  = ["CAPABILITY_IAM"]

  parameters = merge(
    {
      ServerUrl = aws_cloudformation_stack.errand.outputs["Url"]
      QueueName = aws_cloudformation_stack.errand.outputs["DefaultQueueName"]
    },
    var.agents,
  )
}
