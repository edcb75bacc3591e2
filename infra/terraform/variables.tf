variable "name" {
  description = "Name of the stack; the agents' stack has the suffix -agents"
  type        = string
  default     = "errand"
}

variable "template_url" {
  description = "https URL of the packaged template in S3, as make package prints it"
  type        = string
}

variable "parameters" {
  description = "Parameters of template.yaml, by name"
  type        = map(string)
  default     = {}
}

variable "agents" {
  description = "Parameters of infra/fleet.yaml other than ServerUrl and QueueName; null: no fleet"
  type        = map(string)
  default     = null
}
