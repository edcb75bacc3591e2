// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-s3-bucket.html

package template

func readBucket(_ *evaluator, r *resource, name string, p *props, t *Template) error {
	p.ignore("BucketName", "AccessControl", "BucketEncryption", "IntelligentTieringConfigurations", "LoggingConfiguration",
		"MetricsConfigurations", "OwnershipControls", "PublicAccessBlockConfiguration", "Tags")
	b := Bucket{LogicalID: r.id, Name: name}
	if v := p.object("VersioningConfiguration"); v.str("Status", "Suspended") != "Suspended" {
		p.fail("VersioningConfiguration", "is not supported")
	}
	lifecycle := p.object("LifecycleConfiguration")
	for _, o := range lifecycle.objects("Rules") {
		b.Lifecycle = append(b.Lifecycle, readLifecycle(o))
	}
	cors := p.object("CorsConfiguration")
	for _, o := range cors.objects("CorsRules") {
		b.CORS = append(b.CORS, readCORSRule(o))
	}
	t.Buckets = append(t.Buckets, b)
	return p.done()
}

// readLifecycle reads a rule. It ignores transitions to other storage classes, which
// only change prices.
func readLifecycle(o *props) LifecycleRule {
	o.ignore("Transition", "Transitions", "NoncurrentVersionExpiration", "NoncurrentVersionExpirationInDays",
		"NoncurrentVersionTransition", "NoncurrentVersionTransitions", "ExpiredObjectDeleteMarker")
	abort := o.object("AbortIncompleteMultipartUpload")
	rule := LifecycleRule{
		ID:             o.str("Id", ""),
		Enabled:        o.str("Status", "") == "Enabled",
		Prefix:         o.str("Prefix", ""),
		ExpirationDays: o.integer("ExpirationInDays", 0),
		AbortDays:      abort.integer("DaysAfterInitiation", 0),
	}
	return rule
}

func readCORSRule(o *props) CORSRule {
	rule := CORSRule{
		ID:             o.str("Id", ""),
		AllowedOrigins: o.strings("AllowedOrigins"),
		AllowedMethods: o.strings("AllowedMethods"),
		AllowedHeaders: o.strings("AllowedHeaders"),
		ExposedHeaders: o.strings("ExposedHeaders"),
		MaxAgeSeconds:  o.integer("MaxAge", 0),
	}
	return rule
}
