package template

import "strings"

// kind is a resource type that the stack provides.
type kind struct {
	nameProperty string
	generate     func(e *evaluator, r *resource) string // the name if none is given
	ref          func(e *evaluator, name string) string // nil: the name
	attributes   map[string]func(e *evaluator, name string) string
	read         func(e *evaluator, r *resource, name string, p *props, t *Template) error
}

// kinds is set in init, because its functions refer to it through the evaluator: a
// declaration would be an initialization cycle.
var kinds map[string]kind

func init() {
	kinds = map[string]kind{
		"AWS::Serverless::HttpApi": {
			generate:   func(e *evaluator, r *resource) string { return e.apiID(r.id) },
			attributes: map[string]func(*evaluator, string) string{"ApiEndpoint": (*evaluator).apiEndpoint},
			read:       readAPI,
		},
		"AWS::ApiGatewayV2::Api": {
			generate: func(e *evaluator, r *resource) string { return e.apiID(r.id) },
			attributes: map[string]func(*evaluator, string) string{
				"ApiEndpoint": (*evaluator).apiEndpoint,
				"ApiId":       func(_ *evaluator, name string) string { return name },
			},
			read: readPlainAPI,
		},
		"AWS::ApiGatewayV2::Stage":       {read: readStage},
		"AWS::ApiGatewayV2::Integration": {read: readIntegration},
		"AWS::ApiGatewayV2::Route":       {read: readPlainRoute},
		"AWS::Serverless::Function": {
			nameProperty: "FunctionName",
			attributes:   map[string]func(*evaluator, string) string{"Arn": functionARN},
			read:         readFunction,
		},
		"AWS::DynamoDB::Table": {
			nameProperty: "TableName",
			attributes: map[string]func(*evaluator, string) string{
				"Arn": func(e *evaluator, name string) string { return e.arn("dynamodb", "table/"+name) },
			},
			read: readTable,
		},
		"AWS::SQS::Queue": {
			nameProperty: "QueueName",
			generate:     generateQueueName,
			ref:          (*evaluator).queueURL,
			attributes: map[string]func(*evaluator, string) string{
				"Arn":       queueARN,
				"QueueUrl":  (*evaluator).queueURL,
				"QueueName": func(_ *evaluator, name string) string { return name },
			},
			read: readQueue,
		},
		"AWS::S3::Bucket": {
			nameProperty: "BucketName",
			generate: func(e *evaluator, r *resource) string {
				return strings.ToLower(e.o.StackName + "-" + r.id + "-" + e.o.Account)
			},
			attributes: map[string]func(*evaluator, string) string{
				"Arn":                func(_ *evaluator, name string) string { return "arn:aws:s3:::" + name },
				"DomainName":         func(_ *evaluator, name string) string { return name + ".s3.amazonaws.com" },
				"RegionalDomainName": func(e *evaluator, name string) string { return name + ".s3." + e.o.Region + ".amazonaws.com" },
			},
			read: readBucket,
		},
	}
}

// harmlessTypes grant permissions, monitor or log on AWS. A caller of the embedded
// stack doesn't notice that they are missing.
var harmlessTypes = map[string]bool{
	"AWS::ApplicationAutoScaling::ScalableTarget": true,
	"AWS::ApplicationAutoScaling::ScalingPolicy":  true,
	"AWS::Budgets::Budget":                        true,
	"AWS::CloudWatch::Alarm":                      true,
	"AWS::CloudWatch::CompositeAlarm":             true,
	"AWS::CloudWatch::Dashboard":                  true,
	"AWS::IAM::ManagedPolicy":                     true,
	"AWS::IAM::Policy":                            true,
	"AWS::IAM::Role":                              true,
	"AWS::Lambda::EventInvokeConfig":              true,
	"AWS::Lambda::Permission":                     true,
	"AWS::Logs::LogGroup":                         true,
	"AWS::Logs::MetricFilter":                     true,
	"AWS::Logs::QueryDefinition":                  true,
	"AWS::ResourceGroups::Group":                  true,
	"AWS::S3::BucketPolicy":                       true,
	"AWS::SNS::Subscription":                      true,
	"AWS::SNS::Topic":                             true,
	"AWS::SNS::TopicPolicy":                       true,
	"AWS::SQS::QueuePolicy":                       true,
}
