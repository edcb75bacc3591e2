output "url" {
  description = "Of the API: errand's --server"
  value       = aws_cloudformation_stack.errand.outputs["Url"]
}

output "tokens_table" {
  description = "For errand token create --table"
  value       = aws_cloudformation_stack.errand.outputs["TokensTableName"]
}

output "outputs" {
  description = "All that the stack says"
  value       = aws_cloudformation_stack.errand.outputs
}
