// https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListBuckets.html

package s3wire

import (
	"encoding/base64"
	"encoding/xml"
	"net/http"
	"strconv"
	"strings"

	"github.com/errandhq/errand/localstack/internal/s3"
)

// maxBuckets is the largest page of buckets.
const maxBuckets = 10000

// bucketsPage is the page that a request asks for.
type bucketsPage struct {
	prefix, region, after string
	max                   int // 0: all
}

func (c *request) bucketsPage() (p bucketsPage, err error) {
	p.prefix, p.region = c.query.Get("prefix"), c.query.Get("bucket-region")
	if p.region != "" && !regionPattern.MatchString(p.region) || p.region == "eu-east-1" {
		e := invalidArgument("bucket-region", "", "Argument value "+p.region+" is not a valid AWS Region")
		delete(e.Fields, "ArgumentValue")
		return p, e
	}
	if v := c.query.Get("max-buckets"); v != "" {
		if p.max, err = strconv.Atoi(v); err != nil || p.max < 1 || p.max > maxBuckets {
			return p, invalidArgument("max-buckets", v, "Argument max-buckets must be an integer between 1 and 10000")
		}
	}
	if v := c.query.Get("continuation-token"); v != "" {
		b, err := base64.RawURLEncoding.DecodeString(v)
		if err != nil {
			return p, invalidArgument("continuation-token", v, "The continuation token provided is incorrect")
		}
		p.after = string(b)
	}
	return p, nil
}

// covers reports whether b belongs on the page, regardless of its size.
func (p bucketsPage) covers(b *s3.Bucket) bool {
	return b.Name > p.after && strings.HasPrefix(b.Name, p.prefix) && (p.region == "" || p.region == b.Region)
}

func (c *request) listBuckets() error {
	page, err := c.bucketsPage()
	if err != nil {
		return err
	}
	buckets, err := c.engine.ListBuckets()
	if err != nil {
		return err
	}
	type bucket struct{ Name, CreationDate, BucketRegion, BucketArn string }
	var out struct {
		XMLName           xml.Name `xml:"ListAllMyBucketsResult"`
		Xmlns             string   `xml:"xmlns,attr"`
		Owner             owner
		Buckets           []bucket `xml:"Buckets>Bucket"`
		Prefix            string   `xml:",omitempty"`
		ContinuationToken string   `xml:",omitempty"`
	}
	out.Xmlns, out.Owner, out.Prefix = xmlns, theOwner, page.prefix
	for _, b := range buckets {
		if !page.covers(&b) {
			continue
		}
		if page.max > 0 && len(out.Buckets) == page.max {
			last := out.Buckets[page.max-1].Name
			out.ContinuationToken = base64.RawURLEncoding.EncodeToString([]byte(last))
			break
		}
		out.Buckets = append(out.Buckets, bucket{b.Name, xmlTime(b.Created), b.Region, bucketARN(b.Name)})
	}
	return c.writeXML(http.StatusOK, out)
}
