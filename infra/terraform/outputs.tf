output "url" {
  description = "URL of the API, for --server"
  value       = aws_cloudformation_stack.errand.outputs["Url"]
}

output "tokens_table" {
  description = "Name for errand token create --table"
  value       = aws_cloudformation_stack.errand.outputs["TokensTableName"]
}

output "outputs" {
  description = "All outputs of the stack"
  value       = aws_cloudformation_stack.errand.outputs
}
