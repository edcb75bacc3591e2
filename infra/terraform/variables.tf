variable "name" {
  description = "Of the stack; the agents' has it with -agents behind"
  type        = string
  default     = "errand"
}

variable "template_url" {
  description = "https URL of the packaged template in S3, as make package says it"
  type        = string
}

variable "parameters" {
  description = "Parameters of template.yaml, by their names there"
  type        = map(string)
  default     = {}
}

variable "agents" {
  description = "Parameters of infra/fleet.yaml but ServerUrl and QueueName; null: no fleet"
  type        = map(string)
  default     = null
}
