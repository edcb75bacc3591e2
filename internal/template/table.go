// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-dynamodb-table.html

package template

import "errors"

func readTable(_ *evaluator, r *resource, name string, p *props, t *Template) error {
	p.ignore("TableName", "ContributorInsightsSpecification", "OnDemandThroughput", "PointInTimeRecoverySpecification",
		"SSESpecification", "TableClass", "Tags", "WarmThroughput")
	table := Table{
		LogicalID:          r.id,
		Name:               name,
		BillingMode:        p.str("BillingMode", "PROVISIONED"),
		Key:                readKey(p),
		Global:             readIndexes(p, "GlobalSecondaryIndexes"),
		Local:              readIndexes(p, "LocalSecondaryIndexes"),
		Throughput:         readThroughput(p),
		DeletionProtection: p.boolean("DeletionProtectionEnabled", false),
	}
	for _, a := range p.objects("AttributeDefinitions") {
		table.Attributes = append(table.Attributes, Attribute{a.str("AttributeName", ""), a.str("AttributeType", "")})
	}
	if ttl := p.object("TimeToLiveSpecification"); ttl.boolean("Enabled", false) {
		table.TTLAttribute = ttl.str("AttributeName", "")
	}
	if len(table.Key) == 0 || len(table.Attributes) == 0 {
		return errors.Join(*p.err, errors.New("KeySchema and AttributeDefinitions are required"))
	}
	t.Tables = append(t.Tables, table)
	return p.done()
}

func readKey(p *props) []KeyPart {
	var key []KeyPart
	for _, k := range p.objects("KeySchema") {
		key = append(key, KeyPart{k.str("AttributeName", ""), k.str("KeyType", "")})
	}
	return key
}

func readIndexes(p *props, name string) []Index {
	var indexes []Index
	for _, o := range p.objects(name) {
		o.ignore("ContributorInsightsSpecification", "OnDemandThroughput", "WarmThroughput")
		projection := o.object("Projection")
		indexes = append(indexes, Index{
			Name:       o.str("IndexName", ""),
			Key:        readKey(o),
			Projection: projection.str("ProjectionType", "ALL"),
			Include:    projection.strings("NonKeyAttributes"),
			Throughput: readThroughput(o),
		})
	}
	return indexes
}

func readThroughput(p *props) *Throughput {
	if !p.has("ProvisionedThroughput") {
		return nil
	}
	o := p.object("ProvisionedThroughput")
	return &Throughput{
		Read:  int64(o.integer("ReadCapacityUnits", 0)),
		Write: int64(o.integer("WriteCapacityUnits", 0)),
	}
}
